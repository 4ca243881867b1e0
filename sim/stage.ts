import { approvalNow } from '../src/rollout/agreement.ts';
import type { ServiceSpec } from '../src/release/service.ts';
import { SLOT_NAMES } from '../src/release/slot.ts';
import type { Outcome, Phase, Rollout } from '../src/rollout/state.ts';
import { natureOf } from './nature.ts';
import type { People } from './people.ts';
import { SERVICE } from './spec.ts';
import type { Call, CallFault } from './wire.ts';
import type { SimWorld } from './world.ts';

export const OVER_WITHIN_MS = 60_000;

/** A policy for scenarios that need some time at a share. */
export const STEPWISE = {
  strategy: 'canary',
  stepsPercent: [25, 50, 100],
  askBeforeFull: false,
} as const;

/** Whether it waits for whoever types: not for others, who agree by themselves. */
export function asksPerson(rollout: Rollout | null): boolean {
  return rollout !== null && rollout.asks !== null && approvalNow(rollout) === null;
}

/** What every scenario is told with. */
export class Stage {
  readonly world: SimWorld;
  readonly people: People;

  constructor(world: SimWorld, people: People) {
    this.world = world;
    this.people = people;
  }

  /** A version that is good serves, or is brought first: beside one that errs nothing looks bad. */
  async serves(): Promise<boolean> {
    if (this.stable() !== null && natureOf(this.stable()!) === 'good') return true;
    const label = this.people.label('good');
    await this.deploy(label);
    await this.over('done');
    // The route that ends a rollout is on its way until then.
    await this.world.until(() => this.world.live.get(SERVICE)?.route.proven === true, OVER_WITHIN_MS);
    return this.stable() !== null;
  }

  /** Waits until the rollout is over, answering for the person that the plan asks; checks what it came to. */
  async over(outcome: Outcome | null): Promise<void> {
    const id = this.rollout?.id ?? null;
    const isOver = (): boolean => this.rollout === null;
    await this.world.until(() => isOver() || asksPerson(this.rollout), OVER_WITHIN_MS);
    for (let asked = 0; !isOver() && asksPerson(this.rollout) && asked < 5; asked += 1) {
      await this.settle(this.people.promote(null, false));
      await this.world.until(() => isOver() || asksPerson(this.rollout), OVER_WITHIN_MS);
    }
    if (!isOver()) return this.fail(`not over within ${OVER_WITHIN_MS / 1000}s: ${this.rollout?.phase}`);
    if (id !== null && outcome !== null) this.ended(id, outcome);
  }

  /** A policy for this scenario alone, on top of what the seed drew. */
  withPolicy(policy: Partial<ServiceSpec['policy']>): void {
    const { people } = this;
    people.spec = { ...people.spec, policy: { ...people.spec.policy, ...policy } };
  }

  get rollout(): Rollout | null {
    return this.world.live.get(SERVICE)?.rollout ?? null;
  }

  stable(): string | null {
    const slots = this.world.live.get(SERVICE)?.slots;
    return SLOT_NAMES.map((slot) => slots?.[slot]).find((slot) => slot?.role === 'stable')?.releaseId ?? null;
  }

  ended(id: string, outcome: Outcome): void {
    const came = this.world.audit.outcomeOf(id);
    if (came !== outcome) this.fail(`${id} ended ${came}, not ${outcome}`);
  }

  fail(what: string): void {
    if (this.world.audit.breaches.length === 0) this.world.audit.breach(what);
  }

  must(holds: boolean, what: string): void {
    if (!holds) this.fail(what);
  }

  /** Lets time pass until there is an answer. */
  async settle<T>(said: Promise<T>): Promise<T | null> {
    let answer: T | null = null;
    let isThere = false;
    void said.then((value) => {
      answer = value;
      isThere = true;
    });
    await this.world.until(() => isThere, 10_000);
    this.must(isThere, 'a verb was not answered within 10s');
    return answer;
  }

  async deploy(label: string, supersede = false): Promise<void> {
    const answered = await this.settle(this.people.deploy(label, supersede));
    this.must(answered?.result === 'done', `deploy ${label} was not done: ${answered?.message ?? 'refused'}`);
  }

  /** To one of these phases, if the rollout comes by it. */
  async reach(...phases: readonly Phase[]): Promise<boolean> {
    const isThere = (): boolean => phases.some((phase) => phase === this.rollout?.phase);
    await this.world.until(() => isThere() || this.rollout === null, OVER_WITHIN_MS);
    return isThere();
  }

  /** The next call of this kind meets this. */
  arm(call: Call, fault: CallFault): void {
    this.world.armed.unshift({
      fault,
      strikes: call,
      hit: () => this.world.audit.obstructed(`${fault.kind}: ${call}`, fault.kind === 'slow' ? fault.ms : 0),
    });
  }

  slotOf(releaseId: string): string | null {
    return SLOT_NAMES.find((slot) => this.world.machine.releaseIn(SERVICE, slot) === releaseId) ?? null;
  }

  /** The release that answers everyone, or null; the part that the candidate answers. */
  users(): { readonly served: string | null; readonly candidate: number } {
    const { proxy, machine } = this.world;
    const served = proxy.served(SERVICE);
    const all = SLOT_NAMES.find((slot) => served[slot] > 0.999);
    const candidate = this.rollout?.candidate;
    return {
      served: all === undefined ? null : machine.releaseIn(SERVICE, all),
      candidate: candidate === undefined ? 0 : served[candidate],
    };
  }
}
