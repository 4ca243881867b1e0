import { OperatingError } from '../src/lib/errors.ts';
import type { Answered } from '../src/controller/views.ts';
import type { ServiceSpec } from '../src/release/service.ts';
import { CODES } from '../src/release/codes.ts';
import { Killed } from './journal-tap.ts';
import type { Typed } from './memory.ts';
import { labelFor, NATURES, type Nature } from './nature.ts';
import { SERVICE } from './spec.ts';
import type { SimWorld } from './world.ts';

/** Every verb, with whatever people may say with it. */
export const VERBS = [
  'deploy',
  'supersede',
  'pause',
  'resume',
  'promote',
  'promote-full',
  'weight',
  'abort',
  'rollback',
  'retry',
  'apply',
  'remove',
  'lock',
  'unlock',
  'freeze',
  'unfreeze',
] as const;
export type TypedVerb = (typeof VERBS)[number];

const REMEMBERED: Readonly<Record<TypedVerb, Typed>> = {
  deploy: 'other',
  supersede: 'supersede',
  pause: 'pause',
  resume: 'resume',
  promote: 'promote',
  'promote-full': 'promote-full',
  weight: 'weight',
  abort: 'abort',
  rollback: 'rollback',
  retry: 'other',
  apply: 'other',
  remove: 'remove',
  lock: 'other',
  unlock: 'other',
  freeze: 'other',
  unfreeze: 'other',
};
const BEN = { actor: 'ben', role: 'operator' } as const;
const CALLER = { actor: 'ana', role: 'operator' } as const;

/** An answer that came, or null: refused, or the controller died over it. */
export type Said = Answered | null;

/** Types verbs. What comes of one is told, and never thrown. */
export class People {
  spec: ServiceSpec;
  readonly labels: string[] = [];
  typed = 0;
  readonly #world: SimWorld;

  constructor(world: SimWorld, spec: ServiceSpec) {
    this.#world = world;
    this.spec = spec;
  }

  /** Some verb with some arguments. */
  any(verb: TypedVerb): Promise<Said> {
    const { draw } = this.#world;
    switch (verb) {
      case 'deploy':
      case 'supersede':
        return this.deploy(this.#label(), verb === 'supersede');
      case 'weight':
        return this.weight(draw.pick([5, 10, 30, 60, 100]));
      case 'rollback':
        return this.rollback(draw.chance(0.7) ? null : (draw.pick(this.labels) ?? 'v0'));
      case 'apply':
        return this.apply();
      case 'abort':
        return this.abort(draw.chance(0.8) ? null : 'r-0000ffff');
      case 'promote':
        return this.promote(draw.chance(0.5) ? null : draw.whole(0, 5), false);
      case 'promote-full':
        return this.promote(null, true);
      case 'pause':
      case 'resume':
      case 'remove':
      case 'retry':
        return this.plain(verb);
      case 'lock':
        return this.lock(draw.whole(1, 8) * 500);
      case 'unlock':
        return this.unlock(draw.chance(0.5));
      case 'freeze':
        return this.freeze(draw.pick([SERVICE, null]), draw.chance(0.7), draw.whole(1, 8) * 500);
      case 'unfreeze':
        return this.unfreeze(draw.pick([SERVICE, null]));
    }
  }

  /** By somebody else than who types the rest. */
  lock(forMs: number | null): Promise<Said> {
    return this.#type('lock', `lock (ben) for ${forMs ?? 'ever'}`, () =>
      this.#world.controller.guard.lock({ service: SERVICE, reason: 'mine', forMs }, BEN),
    );
  }

  unlock(byForce: boolean): Promise<Said> {
    const ask = { service: SERVICE, force: byForce, reason: byForce ? 'away' : null };
    return this.#type('unlock', byForce ? 'unlock --force' : 'unlock (ben)', () =>
      this.#world.controller.guard.unlock(ask, byForce ? CALLER : BEN),
    );
  }

  /** `service` null: every one. */
  freeze(service: string | null, alsoAdvancing: boolean, forMs: number): Promise<Said> {
    const ask = { service, reason: 'sale', forMs, untilMs: null, alsoAdvancing };
    return this.#type(
      'freeze',
      `freeze ${service ?? '--all'} for ${forMs}${alsoAdvancing ? ' --also-advancing' : ''}`,
      () => this.#world.controller.guard.freeze(ask, CALLER),
    );
  }

  unfreeze(service: string | null): Promise<Said> {
    return this.#type('unfreeze', `unfreeze ${service ?? '--all'}`, () =>
      this.#world.controller.guard.unfreeze(service, CALLER),
    );
  }

  deploy(label: string, supersede = false): Promise<Said> {
    if (!this.labels.includes(label)) this.labels.push(label);
    const ask = { spec: this.spec, label, artifactDigest: `of ${label}`, supersede, planId: null };
    return this.#type(
      supersede ? 'supersede' : 'deploy',
      `deploy ${label}${supersede ? ' --supersede' : ''}`,
      () => this.#world.controller.steer.deploy(ask, CALLER),
    );
  }

  abort(rollout: string | null): Promise<Said> {
    return this.#type('abort', `abort ${rollout ?? ''}`, () =>
      this.#world.controller.steer.abort({ service: SERVICE, rollout }, CALLER),
    );
  }

  rollback(label: string | null): Promise<Said> {
    return this.#type('rollback', `rollback ${label ?? ''}`, () =>
      this.#world.controller.steer.rollback({ service: SERVICE, label }, CALLER),
    );
  }

  promote(fromStep: number | null, full: boolean): Promise<Said> {
    return this.#type(
      full ? 'promote-full' : 'promote',
      `promote ${full ? '--full' : `from ${fromStep}`}`,
      () => this.#world.controller.steer.promote({ service: SERVICE, fromStep, full }, CALLER),
    );
  }

  weight(percent: number): Promise<Said> {
    this.#world.audit.memory.weights.push({ atMs: this.#world.time.monotonicMs, percent });
    return this.#type('weight', `weight ${percent}`, () =>
      this.#world.controller.steer.weight({ service: SERVICE, percent, beyondPlan: true }, CALLER),
    );
  }

  plain(verb: 'pause' | 'resume' | 'remove' | 'retry'): Promise<Said> {
    return this.#type(verb, verb, async () => {
      const { steer, read } = this.#world.controller;
      if (verb !== 'retry') return steer[verb](SERVICE, CALLER);
      const over = read.history({ service: SERVICE, limit: 5 }).filter(({ endedAtMs }) => endedAtMs !== null);
      return steer.retry(over.length === 0 ? 'r-none' : this.#world.draw.pick(over).id, CALLER);
    });
  }

  /** Another scale, and another policy for the next one. */
  apply(replicas = this.#world.draw.whole(1, 3)): Promise<Said> {
    const spec: ServiceSpec = {
      ...this.spec,
      scale: { ...this.spec.scale, replicas },
      policy: { ...this.spec.policy, keepOldMs: this.#world.draw.whole(3, 15) * 1000 },
    };
    return this.#type('apply', `apply × ${replicas}`, async () => {
      const answered = await this.#world.controller.steer.apply({ spec, dryRun: false }, CALLER);
      this.spec = spec;
      return answered;
    });
  }

  label(nature: Nature): string {
    return labelFor(this.labels.length + 1, nature);
  }

  #label(): string {
    const { draw } = this.#world;
    if (this.labels.length > 0 && draw.chance(0.15)) return draw.pick(this.labels);
    return this.label(draw.chance(0.55) ? 'good' : draw.pick(NATURES));
  }

  async #type(verb: TypedVerb, words: string, act: () => Promise<Answered>): Promise<Said> {
    const world = this.#world;
    if (!world.isAlive) return null;
    this.typed += 1;
    const { memory } = world.audit;
    memory.type(REMEMBERED[verb]);
    world.tell(() => `> ${words}`);
    try {
      const answered = await act();
      world.tell(() => `< ${answered.result}: ${answered.message}`);
      this.#heard(verb, answered);
      return answered;
    } catch (error) {
      world.audit.mustBeTheWorlds(error);
      if (error instanceof Killed) return null;
      const { scale } = world.live.get(SERVICE)?.spec ?? this.spec;
      if (error instanceof OperatingError && error.code === 'DOOR_DIFFERS')
        this.spec = { ...this.spec, scale };
      world.tell(() => `< ${error instanceof OperatingError ? error.code : ''} ${String(error)}`);
      if (error instanceof OperatingError && !(error.code in CODES))
        world.audit.breach(`the code ${error.code} is not in the table`);
      if (verb === 'abort' && error instanceof OperatingError && error.code !== 'JOURNAL_FULL')
        world.audit.mayRefuseAbort(SERVICE, error.code);
      return null;
    }
  }

  /** What was promised is remembered, and held against what follows. */
  #heard(verb: TypedVerb, answered: Answered): void {
    const { memory } = this.#world.audit;
    const state = this.#world.live.get(SERVICE);
    const rollout = state?.rollout ?? null;
    if (verb === 'pause' && rollout?.paused && state !== undefined)
      memory.held.set(rollout.id, state.route.revision);
    if (verb === 'abort' && answered.result === 'done' && rollout !== null && rollout.ending === null)
      this.#world.audit.breach(`an abort was answered as done, and ${rollout.id} goes on`);
  }
}
