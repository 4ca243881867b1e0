import { request } from 'node:http';
import { authorityOf, requestTo } from '../../lib/address.ts';
import { withPrefix } from '../../lib/upstream.ts';
import type { SlotName } from '../../release/slot.ts';
import type { Door } from '../router.ts';

const BODY_BYTES = 200;
const KEPT_MS = 2000;

/** HAProxy says that a probe failed, not what the answer said: asks the replica itself, now and then. */
export class BadAnswers {
  private readonly kept = new Map<string, { readonly atMs: number; readonly body: string }>();

  async body(door: Door, slot: SlotName, replica: number): Promise<string> {
    const key = `${door.service} ${slot} ${replica}`;
    const known = this.kept.get(key);
    if (known !== undefined && performance.now() - known.atMs < KEPT_MS) return known.body;
    const body = await ask(door, slot, replica);
    this.kept.set(key, { atMs: performance.now(), body });
    return body;
  }

  forget(service: string): void {
    for (const key of this.kept.keys()) if (key.startsWith(`${service} `)) this.kept.delete(key);
  }
}

/** First bytes of an answer that is not healthy; empty where there is none. */
function ask(door: Door, slot: SlotName, replica: number): Promise<string> {
  const upstream = door.slots[slot][replica]!;
  const { path, timeoutMs } = door.health[slot];
  return new Promise((resolve) => {
    const asking = request({
      ...requestTo(upstream),
      path: withPrefix(upstream.pathPrefix, path),
      agent: false,
      timeout: timeoutMs,
      headers: {
        host: door.spec.host ?? authorityOf(upstream),
        'user-agent': 'bascule-probe',
        connection: 'close',
      },
    });
    const deadline = setTimeout(() => asking.destroy(new Error('too late')), timeoutMs);
    let body = '';
    const over = (): void => {
      clearTimeout(deadline);
      asking.destroy();
      resolve(body.slice(0, BODY_BYTES));
    };
    asking.on('error', over);
    asking.on('response', (response) => {
      response.setEncoding('utf8');
      response.on('data', (text: string) => {
        body += text;
        if (body.length >= BODY_BYTES) over();
      });
      response.on('error', over);
      response.on('end', over);
    });
    asking.end();
  });
}
