import { OperatingError } from '../lib/errors.ts';
import { ownTimeZone } from '../lib/local-time.ts';
import type { Answer } from '../rollout/answer.ts';
import { freezeWords, frozenBy, type Freeze } from '../rollout/guard.ts';
import { freezeRefusal, sameFreeze } from '../rollout/guards.ts';
import type { AgreeAsk, Caller, FreezeAsk, LockAsk } from './controller.ts';
import type { Engine } from './engine.ts';
import { originOf } from './origin.ts';
import type { Ports } from './ports.ts';
import type { Steer } from './steer.ts';
import type { Answered } from './views.ts';

/** Locks and freezes. Those of one service are verbs on it; those of every service are kept beside them. */
export class Guarding {
  readonly #ports: Ports;
  readonly #engine: Engine;
  readonly #steer: Pick<Steer, 'post'>;

  constructor(ports: Ports, engine: Engine, steer: Pick<Steer, 'post'>) {
    this.#ports = ports;
    this.#engine = engine;
    this.#steer = steer;
  }

  async lock({ service, reason, forMs }: LockAsk, caller: Caller): Promise<Answered> {
    const untilMs = forMs === null ? null : this.#ports.clock.nowMs() + forMs;
    return this.#steer.post(service, { kind: 'lock', reason, untilMs, timeZone: ownTimeZone() }, caller);
  }

  async unlock(
    { service, force, reason }: { service: string; force: boolean; reason: string | null },
    caller: Caller,
  ): Promise<Answered> {
    return this.#steer.post(service, { kind: 'unlock', force, reason }, caller);
  }

  async approve({ service, rollout, step, reason }: AgreeAsk, caller: Caller): Promise<Answered> {
    const verified = caller.verified === true;
    return this.#steer.post(service, { kind: 'approve', rollout, step, reason, verified }, caller);
  }

  async reject({ service, rollout, step, reason }: AgreeAsk, caller: Caller): Promise<Answered> {
    return this.#steer.post(service, { kind: 'reject', rollout, step, reason }, caller);
  }

  async freeze(ask: FreezeAsk, caller: Caller): Promise<Answered> {
    const atMs = this.#ports.clock.nowMs();
    const freeze: Freeze = {
      by: caller.actor,
      scope: ask.service === null ? 'server' : 'service',
      fromMs: atMs,
      untilMs: ask.forMs === null ? ask.untilMs : atMs + ask.forMs,
      timeZone: ownTimeZone(),
      alsoAdvancing: ask.alsoAdvancing,
      reason: ask.reason,
    };
    if (ask.service !== null) return this.#steer.post(ask.service, { kind: 'freeze', freeze }, caller);
    const freezes = this.#engine.serverFreezes(atMs);
    const refusal = freezeRefusal(freezes, freeze, atMs);
    if (refusal !== null) throw refusalError(refusal);
    const own = freezes.find(({ by }) => by === freeze.by);
    if (own !== undefined && sameFreeze(own, freeze))
      return ofAll('nothing', `everything is frozen already ${freezeWords(own)}.`);
    const held = freeze.alsoAdvancing ? '; rollouts under way stay where they are' : '';
    const said = `frozen ${freezeWords(freeze)}: nothing starts${held}`;
    this.#record('freeze', frozenBy(freezes, freeze), { caller, said, reason: ask.reason });
    return ofAll('done', said);
  }

  async unfreeze(service: string | null, caller: Caller): Promise<Answered> {
    if (service !== null) return this.#steer.post(service, { kind: 'unfreeze' }, caller);
    const freezes = this.#engine.serverFreezes(this.#ports.clock.nowMs());
    if (freezes.length === 0)
      return ofAll('nothing', 'nobody has frozen everything. Freezes of single services stay.');
    const said = `unfrozen by ${caller.actor}: was frozen ${freezes.map(freezeWords).join('; and ')}. Freezes of single services and of the server file stay.`;
    this.#record('unfreeze', [], { caller, said, reason: null });
    return ofAll('done', said);
  }

  #record(
    kind: 'freeze' | 'unfreeze',
    freezes: readonly Freeze[],
    {
      caller,
      said,
      reason,
    }: { readonly caller: Caller; readonly said: string; readonly reason: string | null },
  ): void {
    const origin = originOf({ ...caller, verb: kind });
    const more = { service: null, reason, origin };
    this.#engine.freezeAll(freezes, { kind, actor: caller.actor, says: [said], more });
  }
}

function ofAll(result: Answered['result'], message: string): Answered {
  return { result, message, service: null, rollout: null };
}

function refusalError(answer: Answer): OperatingError {
  if (answer.kind !== 'refused') throw new TypeError('a refusal that is none');
  return new OperatingError(answer.code, answer.why, { retryable: false });
}
