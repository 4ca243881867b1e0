import type { Json } from '../lib/json.ts';
import type { Turn } from '../rollout/turn.ts';
import type { Asker } from './allowed.ts';
import type { Caller } from './controller.ts';
import type { Document, Engine } from './engine.ts';
import type { Reads } from './reads.ts';
import { VIEW_SCHEMA, type Answered } from './views.ts';

/** What is kept of a request in the transaction of its effect; its full answer takes this place a moment later. */
export type Receipt = {
  readonly service: string;
  readonly rollout: string | null;
  readonly message: string;
  /** Who asked; absent in older ones. */
  readonly by?: Asker;
};

/** An answer as it is kept; one without a body is told from its receipt. */
export type KeptAnswer = {
  /** Digest of the request that it answers. */
  readonly request: string;
  readonly status: number;
  readonly body: unknown;
  readonly atMs: number;
  readonly receipt?: Receipt;
};

export function receiptOf(
  caller: Caller & { readonly once: NonNullable<Caller['once']> },
  turn: Turn,
  atMs: number,
): Document {
  const { actor, role, services = null, verified = false } = caller;
  const receipt: Receipt = {
    service: turn.state.service,
    rollout: rolloutConcerned(turn),
    message: turn.says.join('; '),
    by: { actor, role, services, verified },
  };
  const { once } = caller;
  const kept: KeptAnswer = { request: once.request, status: 200, body: null, atMs, receipt };
  return { kind: 'answer', key: once.key, value: kept as unknown as Json };
}

/** The rollout that a verb's answer is about: one that waits for its turn, the one under way, or the one that ended. */
export function rolloutConcerned(turn: Turn): string | null {
  const { rollout } = turn.state;
  return rollout?.next?.rollout ?? rollout?.id ?? turn.ended?.rollout.id ?? null;
}

/** The answer to a request whose effect was recorded and whose full answer was not: as things are now. */
export function answerOf(
  { service, rollout, message, by }: Receipt,
  reads: Pick<Reads, 'service' | 'rollout'>,
  engine: Pick<Engine, 'find'>,
): Answered & { readonly schema: number } {
  return {
    schema: VIEW_SCHEMA,
    result: 'done',
    message,
    service: engine.find(service) === null ? null : reads.service(service, by),
    rollout: rollout === null ? null : reads.rollout(rollout, by),
  };
}
