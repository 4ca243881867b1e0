import { readdirSync } from 'node:fs';
import { request } from 'node:http';
import { join } from 'node:path';
import { json } from 'node:stream/consumers';
import { setTimeout as sleep } from 'node:timers/promises';
import type { JudgeView } from '../../src/controller/judge-view.ts';
import type { RolloutView } from '../../src/controller/views.ts';

const WITHIN_MS = 30_000;
/** No share, or no stable. */
const NOTHING = new Set(['NOTHING_JUDGED']);
/** Left where a test damaged the evidence, or put a backup back, which holds none. */
const DAMAGED = /^(?:samples\.db\.damaged|replaced-.*)$/;

/**
 * Whatever a test did to its world: every rollout that is over must be judged the same once more. Returns how many were.
 * Null where no controller answers any more, so that nobody can be asked.
 */
export async function judgedAgain(stateDirectory: string): Promise<number | null> {
  const socketPath = join(stateDirectory, 'sockets', 'viewer.sock');
  const history = await ask(socketPath, '/history?limit=1000').catch(() => null);
  if (history === null || history.status !== 200) return null;
  const { rollouts } = history.body as { readonly rollouts: readonly RolloutView[] };
  const isDamaged = readdirSync(stateDirectory).some((name) => DAMAGED.test(name));
  let again = 0;
  for (const { id, endedAtMs } of rollouts) {
    if (endedAtMs === null) continue;
    const { status, body } = await askOnceThere(
      socketPath,
      `/rollouts/${id}/judge?rules=recorded`,
      isDamaged,
    );
    const { code } = body as { readonly code?: string };
    if (code !== undefined && (NOTHING.has(code) || (isDamaged && code === 'EVIDENCE_GONE'))) continue;
    if (status !== 200) throw new Error(`${id} could not be judged again: ${JSON.stringify(body)}`);
    const { judge } = body as { readonly judge: JudgeView };
    if (judge.sameVerdict !== true) throw new Error(differenceOf(judge));
    again += 1;
  }
  return again;
}

function differenceOf(judge: JudgeView): string {
  const { rollout, verdict, traffic, watch, different, sentence } = judge;
  const recorded = { verdict: rollout.verdict, traffic: rollout.traffic };
  return `${rollout.id} is judged otherwise once more: ${sentence}\n${JSON.stringify({ different, recorded, replayed: { verdict, traffic, watch } })}`;
}

/** The last seconds of a rollout that has just ended are written down a little later, on a busy machine some seconds. */
async function askOnceThere(socketPath: string, path: string, isDamaged: boolean): ReturnType<typeof ask> {
  const deadline = Date.now() + WITHIN_MS;
  for (;;) {
    const answer = await ask(socketPath, path);
    const { code } = answer.body as { readonly code?: string };
    if (code !== 'EVIDENCE_GONE' || isDamaged || Date.now() > deadline) return answer;
    await sleep(250);
  }
}

async function ask(
  socketPath: string,
  path: string,
): Promise<{ readonly status: number; readonly body: unknown }> {
  const { promise, resolve, reject } = Promise.withResolvers<{ status: number; body: unknown }>();
  const asking = request({ socketPath, path: `/api/v1${path}`, timeout: WITHIN_MS }, (response) => {
    json(response).then((body) => resolve({ status: response.statusCode ?? 0, body }), reject);
  });
  asking.on('timeout', () => asking.destroy(new Error(`no answer to ${path} within ${WITHIN_MS} ms`)));
  asking.on('error', reject);
  asking.end();
  return promise;
}
