import {
  Agent as HttpAgent,
  type ClientRequest,
  type IncomingMessage,
  request as httpRequest,
} from 'node:http';
import { Agent as HttpsAgent, request as httpsRequest } from 'node:https';
import { messageOf, OperatingError } from '../../lib/errors.ts';
import type { SlotName } from '../../release/slot.ts';
import { BUSY_LIMITS } from './render-service.ts';
import { secretOf, type ServicePlan } from './service-plan.ts';

const TIMEOUT_MS = 3000;
const MOST_BODY = 4096;

/** Connections that are kept, for HTTP and for HTTPS. */
export type Agents = readonly [HttpAgent, HttpsAgent];
/** On a connection of its own unless `agents` say otherwise. */
type By = { readonly agents?: Agents | null; readonly headers?: Record<string, string> };
type Answer = { readonly status: number; readonly body: string };

/** Asks nginx where users ask it: on the address, the host and the port of the service's own door. */
export class FrontDoor {
  private readonly kept = keeping(8);

  /** A request to one of the private paths, not yet ended. */
  ask(plan: ServicePlan, path: string, by: By = {}): ClientRequest {
    const { agents = null, headers = {} } = by;
    const { listen, host } = plan.door.spec;
    const isTls = plan.proxy.tls !== null;
    const options = {
      host: reachable(listen.address),
      port: listen.port,
      path: `/.bascule/${secretOf(plan.door)}/${path}`,
      headers: { host: host ?? `${listen.address}:${listen.port}`, 'user-agent': 'bascule', ...headers },
    };
    if (!isTls) return httpRequest({ ...options, agent: agents?.[0] ?? false });
    const names = { servername: host ?? '', rejectUnauthorized: false };
    return httpsRequest({ ...options, ...names, agent: agents?.[1] ?? false });
  }

  /** What nginx answers as its configuration of this service; null where it does not know it. */
  async digest(plan: ServicePlan, agents: Agents | null = null): Promise<string | null> {
    const { status, body } = await this.get(plan, 'config', { agents });
    return status === 200 ? body : null;
  }

  async usesRevision(plan: ServicePlan, revision: number): Promise<boolean> {
    return (await this.get(plan, `revision?n=${revision}`)).status === 200;
  }

  /** Where somebody with these headers would go: an outcome, or null for nowhere. */
  async outcomeFor(plan: ServicePlan, headers: Record<string, string>): Promise<string | null> {
    const { status, body } = await this.get(plan, 'slot', { agents: this.kept, headers });
    return status === 200 ? body : null;
  }

  /** How many requests are under way by this key of the service's zone: exact below 5, else at least so many. */
  async busy(plan: ServicePlan, key: string): Promise<number> {
    let least = 0;
    for (const limit of BUSY_LIMITS) {
      const { status } = await this.get(plan, `busy/${limit}?slot=${key}`);
      if (status !== 429) return least;
      least = limit;
    }
    return least;
  }

  probe(plan: ServicePlan, slot: SlotName, replica: number): ClientRequest {
    return this.ask(plan, `probe/${slot}/${replica}`, { headers: { connection: 'close' } });
  }

  close(): void {
    for (const agent of this.kept) agent.destroy();
  }

  private get(plan: ServicePlan, path: string, by: By = { agents: this.kept }): Promise<Answer> {
    return new Promise((resolve, reject) => {
      const asking = this.ask(plan, path, by);
      const fail = (error: Error): void => {
        // Kept idle, and closed by a reload just as it was used: a new one tells more.
        if (by.agents === this.kept && asking.reusedSocket)
          resolve(this.get(plan, path, { ...by, agents: null }));
        else reject(unreachable(plan, error));
      };
      asking.setTimeout(TIMEOUT_MS, () => asking.destroy(new Error(`no answer within ${TIMEOUT_MS}ms`)));
      asking.on('error', fail);
      asking.on('response', (response) => {
        let body = '';
        response.setEncoding('latin1');
        response.on('data', (text: string) => {
          if (body.length < MOST_BODY) body += text;
        });
        response.on('error', fail);
        response.on('end', () => resolve({ status: response.statusCode!, body }));
      });
      asking.end();
    });
  }
}

export function keeping(maxSockets: number): Agents {
  const options = { keepAlive: true, maxSockets };
  return [new HttpAgent(options), new HttpsAgent({ ...options, rejectUnauthorized: false })];
}

/** What nginx answers of its own accord to a probe is not the replica's answer. */
export function unreached(response: Pick<IncomingMessage, 'statusCode' | 'headers'>): string | null {
  const answered = response.headers['bascule-answered'];
  if (typeof answered === 'string' && /\d/.test(answered)) return null;
  return response.statusCode === 502 || response.statusCode === 504
    ? `no connection (nginx: ${response.statusCode})`
    : null;
}

function reachable(address: string): string {
  if (address === '0.0.0.0') return '127.0.0.1';
  return address === '::' ? '::1' : address;
}

function unreachable(plan: ServicePlan, cause: Error): OperatingError {
  const { listen } = plan.door.spec;
  return new OperatingError(
    'TRAFFIC_UNREACHABLE',
    `nginx does not answer for ${plan.door.service} on ${listen.address}:${listen.port} (${messageOf(cause)}). If it runs, it routes as before.`,
    { retryable: true, cause },
  );
}
