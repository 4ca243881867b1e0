import { messageOf, OperatingError } from '../lib/errors.ts';
import type { Caller, Controller } from './controller.ts';
import type { Engine } from './engine.ts';
import { originOf } from './origin.ts';
import type { Ports } from './ports.ts';

/** Verbs without effect that are written down in a minute: somebody's loop must not fill the journal. */
const MOST_A_MINUTE = 120;
/** Logins that failed, each minute, beside them: strangers must not keep out of the records what others did. */
export const MOST_STRANGERS_A_MINUTE = 30;
const MINUTE_MS = 60_000;

export type Refused = {
  readonly verb: string;
  /** Null: none, or all of them. */
  readonly service: string | null;
  /** `role`: `none` of whom nobody knows. */
  readonly caller: Pick<Caller, 'actor' | 'from'> & { readonly role: string };
  /** `done`: it changed nothing that is recorded otherwise: a login, a test message. */
  readonly result: 'done' | 'nothing' | 'refused';
  readonly code: string | null;
  readonly why: string;
  /** As it was given, or null. */
  readonly reason: string | null;
};

/** Writes down verbs that changed nothing of what is recorded, so that the audit shows who did and tried what. */
export class Refusals {
  readonly #ports: Pick<Ports, 'clock' | 'log'>;
  readonly #engine: Engine;
  readonly #most: number;
  #sinceMs = 0;
  #written = 0;
  #left = 0;

  constructor(ports: Pick<Ports, 'clock' | 'log'>, engine: Engine, most = MOST_A_MINUTE) {
    this.#ports = ports;
    this.#engine = engine;
    this.#most = most;
  }

  /** Never fails for want of room: the verb is answered as it was. */
  note({ verb, service, caller, result, code, why, reason }: Refused): void {
    if (!this.#hasRoom()) return;
    const left = this.#left === 0 ? [] : [`${this.#left} more like it were too many to be written down`];
    const more = { service, result, code, reason, origin: originOf({ ...caller, verb }) };
    try {
      this.#engine.noteVerb({
        kind: result === 'done' ? 'verb noted' : 'verb without effect',
        actor: caller.actor,
        says: [why, ...left],
        more,
      });
      this.#left = 0;
    } catch (error) {
      if (!(error instanceof OperatingError)) throw error;
      this.#ports.log.warn({ service, verb }, `a refusal could not be written down: ${messageOf(error)}`);
    }
  }

  #hasRoom(): boolean {
    const now = this.#ports.clock.monotonicMs();
    if (now - this.#sinceMs >= MINUTE_MS || this.#written === 0) {
      this.#sinceMs = now;
      this.#written = 0;
    }
    if (this.#written === this.#most) {
      this.#left += 1;
      return false;
    }
    this.#written += 1;
    return true;
  }
}

/** What the audit calls each verb. */
const STEERING: Readonly<Record<keyof Controller['steer'], string>> = {
  apply: 'apply',
  plan: 'plan',
  deploy: 'deploy',
  redeploy: 'deploy',
  retry: 'retry',
  pause: 'pause',
  resume: 'resume',
  promote: 'promote',
  weight: 'weight',
  abort: 'abort',
  rollback: 'rollback',
  remove: 'remove',
};
const GUARDING: Readonly<Record<keyof Controller['guard'], string>> = {
  lock: 'lock acquire',
  unlock: 'lock release',
  freeze: 'freeze',
  unfreeze: 'unfreeze',
  approve: 'approve',
  reject: 'reject',
};

const PEOPLE: Readonly<Record<keyof Controller['people'], string>> = {
  createToken: 'token create',
  revokeToken: 'token revoke',
};

type Verbs = Pick<Controller, 'steer' | 'guard' | 'people'>;

/** The same verbs; whoever asks for one in vain is written down as well. */
export function auditedVerbs({ steer, guard, people }: Verbs, refusals: Refusals): Verbs {
  return {
    steer: audited(steer, STEERING, refusals),
    guard: audited(guard, GUARDING, refusals),
    people: audited(people, PEOPLE, refusals),
  };
}

/** Verbs whose first argument is no service: a rollout, a token. */
const OF_NO_SERVICE = new Set(['retry', 'createToken', 'revokeToken']);

/** The same verbs, each under its name, with those that changed nothing written down. */
function audited<T extends object>(
  part: T,
  names: Readonly<Record<keyof T & string, string>>,
  refusals: Refusals,
): T {
  const act = async (method: keyof T & string, args: readonly unknown[]): Promise<unknown> => {
    const caller = args.at(-1) as Caller;
    const verb = names[method];
    const ask = args[0];
    const service = OF_NO_SERVICE.has(method) ? null : serviceOf(ask);
    const about = { verb, caller, service, reason: reasonOf(ask) };
    try {
      const verbs = part as Readonly<Record<string, (...all: readonly unknown[]) => Promise<unknown>>>;
      const answer = await verbs[method]!(...args.slice(0, -1), { ...caller, verb });
      const { result, message } = answer as { readonly result?: string; readonly message?: string };
      const looked = (ask as { readonly dryRun?: boolean } | null)?.dryRun === true;
      if (result === 'nothing' && !looked)
        refusals.note({ ...about, result, code: null, why: message ?? '' });
      return answer;
    } catch (error) {
      if (error instanceof OperatingError)
        refusals.note({ ...about, result: 'refused', code: error.code, why: error.message });
      throw error;
    }
  };
  const methods = Object.keys(names) as unknown as readonly (keyof T & string)[];
  return Object.fromEntries(
    methods.map((method) => [method, (...args: readonly unknown[]) => act(method, args)]),
  ) as T;
}

/** A verb's first argument is a name, or has one, or has the file of a service. */
function serviceOf(ask: unknown): string | null {
  if (typeof ask === 'string') return ask;
  const { service, spec } = (ask ?? {}) as { readonly service?: string; readonly spec?: { name: string } };
  return service ?? spec?.name ?? null;
}

function reasonOf(ask: unknown): string | null {
  if (ask === null || typeof ask !== 'object') return null;
  const { reason, overrideFreeze } = ask as { readonly reason?: string; readonly overrideFreeze?: string };
  return reason ?? overrideFreeze ?? null;
}
