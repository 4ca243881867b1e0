import { SLOT_NAMES, type SlotName } from '../src/release/slot.ts';
import type { JournalEntry } from '../src/journal/journal.ts';
import { routeOf, sameRoute } from '../src/rollout/route.ts';
import type { ServiceState } from '../src/rollout/state.ts';
import type { Route } from '../src/traffic/router.ts';
import type { SlotWorkload } from '../src/workload/runtime.ts';
import type { Watched } from './audit.ts';
import type { Process } from './machine.ts';
import type { Memory } from './memory.ts';
import { Shares } from './shares.ts';

/** With nothing in the way, a decision has reached the users by then. */
const REACHES_USERS_MS = 3000;
/** A version that has just been started has shown nothing yet. */
const LEAST_UP_MS = 200;
/** What is sound for so long is healthy for every proxy that looks at it. */
const PROBED_WITHIN_MS = 1000;

/** What users really get. */
export class TrafficAudit {
  readonly #world: Watched;
  readonly #memory: Memory;
  readonly #breach: (what: string) => void;
  readonly #shares: Shares;
  /** Slots whose release was healthy on every replica since it is there. */
  readonly #gated = new Map<string, string>();
  readonly #answered = new WeakSet<Process>();
  /** Stable slots that the machine's restart emptied, and that are to be filled again. */
  readonly #awaited = new Set<string>();
  readonly #seen = new Map<string, { readonly id: string; readonly sinceMs: number }>();
  readonly #since = new Map<string, number>();
  readonly #lastServedMs = new Map<string, number>();
  /** What was started last in each slot. */
  readonly #brought = new Map<string, string>();
  readonly #soundSinceMs = new Map<string, number>();

  constructor(world: Watched, memory: Memory, breach: (what: string) => void) {
    this.#world = world;
    this.#memory = memory;
    this.#breach = breach;
    this.#shares = new Shares(world, memory, breach);
  }

  committed(entry: JournalEntry, before: ServiceState | null): void {
    if (before !== null) this.#shares.decided(entry, before);
  }

  /** The proxy uses another route. */
  routed(after: Route): void {
    const { service } = after;
    const share = after.split === null ? '' : `, ${after.split.sharePercent}% to ${after.split.slot}`;
    this.#world.tell(() => `  route ${after.revision}: ${after.serve ?? 'nobody'}${share}`);
    const state = this.#world.live.get(service);
    if (state !== undefined) this.#shares.grew(state, after);
  }

  bringing({ service, slot, release }: SlotWorkload): void {
    const there = this.#world.machine.releaseIn(service, slot);
    const key = `${service}/${slot}`;
    const counted = this.#world.proxy.routes.get(service)?.replicas[slot] ?? 0;
    const before = this.#brought.get(key);
    if (counted > 0 && before !== undefined && before !== release.id)
      this.#breach(`${release.id} is started in ${slot} while the proxy counts what ran there before`);
    this.#brought.set(key, release.id);
    if (there !== null && there !== release.id && this.#isWanted(service, slot))
      this.#breach(`${there} in ${slot} is replaced while the route sends users to it`);
  }

  stopping(service: string, slot: SlotName): void {
    const { machine, proxy, time } = this.#world;
    const key = `${service}/${slot}`;
    if (machine.releaseIn(service, slot) === null) return;
    const state = this.#world.live.get(service);
    const isAtRest = state !== undefined && state.rollout === null && !state.removing;
    if (isAtRest && this.#memory.clearMs > REACHES_USERS_MS && proxy.served(service)[slot] > 0)
      this.#breach(`${machine.releaseIn(service, slot)} is given up while it is what users get`);
    if (this.#isWanted(service, slot))
      this.#breach(`${machine.releaseIn(service, slot)} is stopped while the route sends users to ${slot}`);
    const drainMs = this.#world.live.get(service)?.spec.door.drainMs ?? 0;
    const forMs = time.monotonicMs - (this.#lastServedMs.get(key) ?? 0);
    if ((proxy.inFlight.get(key) ?? 0) > 0 && forMs < drainMs)
      this.#breach(`${slot} is stopped with requests in flight, ${forMs} ms after its last one began`);
  }

  /** Only what served stays what it was: it is started and gated again. */
  rebooted(): void {
    this.#seen.clear();
    for (const key of this.#gated.keys()) {
      const [service, slot] = key.split('/') as [string, SlotName];
      if (this.#world.live.get(service)?.slots[slot].role === 'stable') this.#awaited.add(key);
    }
  }

  moment(): void {
    for (const state of this.#world.live.values()) {
      for (const slot of SLOT_NAMES) this.#gate(state.service, slot);
      const served = this.#world.proxy.served(state.service);
      for (const slot of SLOT_NAMES) this.#answeredBy(state, slot, served[slot]);
      this.#copiesRight(state);
      this.#lasts(`${state.service} otherwise`, this.#routesOtherwise(state), () =>
        this.#breach(`the proxy sends the users of ${state.service} otherwise than is recorded as proven`),
      );
      this.#lasts(`${state.service} nobody`, served.nobody > 0.001 && this.#couldServe(state), () =>
        this.#breach(
          `${Math.round(served.nobody * 100)}% of the users of ${state.service} are answered by nobody, though a slot is sound`,
        ),
      );
    }
  }

  /** Nothing is under way: users get what the records say, and nothing else runs. */
  atRest(expected: (service: string) => string | null): void {
    const { live, machine, proxy } = this.#world;
    for (const state of live.values()) {
      const { service, slots } = state;
      const right = expected(service);
      const stable = SLOT_NAMES.find((slot) => slots[slot].role === 'stable') ?? null;
      const served = proxy.served(service);
      if (right !== null && (stable === null || machine.releaseIn(service, stable) !== right))
        this.#breach(`${right} was brought last and ${stable ?? 'no slot'} does not hold it`);
      if (stable !== null && served[stable] < 0.999)
        this.#breach(`only ${Math.round(served[stable] * 100)}% of the users get ${right} at rest`);
      if ((proxy.routes.get(service)?.serve ?? null) !== stable)
        this.#breach(`the route serves not ${stable} at rest`);
      if (proxy.routes.get(service)?.mirror !== undefined)
        this.#breach(`requests of ${service} are copied at rest`);
      for (const slot of SLOT_NAMES) this.#restsRight(state, slot);
    }
    for (const [key, { workload }] of machine.slots)
      if (!live.has(workload.service)) this.#breach(`${workload.release.id} runs in ${key}, of no service`);
    for (const service of [...proxy.routes.keys(), ...proxy.doors.keys()])
      if (!live.has(service)) this.#breach(`the proxy has a door or a route of ${service}, which is gone`);
  }

  /** Copies go to what is through its gate and its checks, to nobody's version, and no longer than it is wanted. */
  #copiesRight({ service, rollout }: ServiceState): void {
    const { machine, proxy } = this.#world;
    const mirror = proxy.routes.get(service)?.mirror;
    const isBack = rollout !== null && rollout.ending !== null;
    this.#lasts(`${service} ${rollout?.id} copies`, mirror !== undefined && isBack, () =>
      this.#breach(`requests are still copied to ${rollout?.label}, which was taken back`),
    );
    if (mirror === undefined) return;
    const id = machine.releaseIn(service, mirror.slot);
    if (id === null || proxy.healthyIn(service, mirror.slot) === 0) return;
    if (this.#isWanted(service, mirror.slot)) this.#breach(`copies go to ${id}, which users get`);
    if (this.#gated.get(`${service}/${mirror.slot}`) !== id)
      this.#breach(`copies go to ${id}, which did not pass its gate`);
    const checks = machine.slots.get(`${service}/${mirror.slot}`)?.workload.release.spec.verify ?? [];
    if (checks.length > 0 && !this.#memory.checked.has(id))
      this.#breach(`copies go to ${id}, whose own checks did not hold`);
  }

  #restsRight(state: ServiceState, slot: SlotName): void {
    const { machine, proxy } = this.#world;
    const { role, releaseId, replicas } = state.slots[slot];
    const there = machine.slots.get(`${state.service}/${slot}`);
    const running = there?.processes.filter((process) => process.running).length ?? 0;
    const isUsed = role === 'stable' || role === 'kept';
    if (!isUsed && there !== undefined)
      this.#breach(`${there.workload.release.id} runs in ${slot}, which is ${role} at rest`);
    if (!isUsed) return;
    if (there?.workload.release.id !== releaseId) this.#breach(`${slot} does not hold ${releaseId} at rest`);
    const { replicas: wanted } = state.spec.scale;
    if (replicas !== wanted || running !== wanted)
      this.#breach(`${slot} has ${running} of ${wanted} replicas at rest (${replicas} recorded)`);
    if (proxy.routes.get(state.service)?.replicas[slot] !== wanted)
      this.#breach(`the proxy does not count ${wanted} replicas of ${slot} at rest`);
  }

  #gate(service: string, slot: SlotName): void {
    const { machine, proxy, time } = this.#world;
    const key = `${service}/${slot}`;
    const there = machine.slots.get(key);
    const isSound = there?.processes.some((_, replica) => machine.isSound(service, slot, replica)) === true;
    if (!isSound) this.#soundSinceMs.delete(key);
    else if (!this.#soundSinceMs.has(key)) this.#soundSinceMs.set(key, time.monotonicMs);
    if (there === undefined) {
      if (!this.#awaited.has(key)) this.#gated.delete(key);
      this.#seen.delete(key);
      return;
    }
    this.#awaited.delete(key);
    const { id } = there.workload.release;
    if (this.#seen.get(key)?.id !== id) this.#seen.set(key, { id, sinceMs: time.monotonicMs });
    if (this.#gated.get(key) === id) return;
    this.#gated.delete(key);
    const isUp = time.monotonicMs - (this.#seen.get(key)?.sinceMs ?? 0) >= LEAST_UP_MS;
    const { replicas } = there.workload;
    for (const [replica, process] of there.processes.entries())
      if (machine.isSound(service, slot, replica)) this.#answered.add(process);
    const haveAnswered = there.processes.every((process) => this.#answered.has(process));
    if (isUp && haveAnswered && proxy.healthyIn(service, slot) >= replicas) this.#gated.set(key, id);
  }

  #answeredBy(state: ServiceState, slot: SlotName, part: number): void {
    const { machine, time } = this.#world;
    const { service, rollout } = state;
    const key = `${service}/${slot}`;
    if (this.#isWanted(service, slot)) this.#lastServedMs.set(key, time.monotonicMs);
    const id = machine.releaseIn(service, slot);
    if (part > 0 && id !== null) {
      this.#world.doomUnderTraffic(key, id);
      const checks = machine.slots.get(key)?.workload.release.spec.verify ?? [];
      if (checks.length > 0 && !this.#memory.checked.has(id))
        this.#breach(`users are answered by ${id}, whose own checks did not hold`);
      if (this.#gated.get(key) !== id)
        this.#breach(`users are answered by ${id}, which did not pass its gate`);
    }
    const isBack =
      rollout !== null &&
      rollout.ending !== null &&
      rollout.ending.outcome !== 'done' &&
      rollout.candidate === slot;
    this.#lasts(`${service} ${rollout?.id} back from ${slot}`, isBack && part > 0, () =>
      this.#breach(`${Math.round(part * 100)}% of the users still get ${id}, which was taken back`),
    );
  }

  #routesOtherwise(state: ServiceState): boolean {
    const route = this.#world.proxy.routes.get(state.service);
    return state.route.proven && route !== undefined && !sameRoute(routeOf(state), route);
  }

  /** A slot that is sound, may serve, and does not: of stable, of what is kept, or of a candidate that has a share. */
  #couldServe(state: ServiceState): boolean {
    if (state.removing) return false;
    return SLOT_NAMES.some((slot) => {
      const { role, releaseId } = state.slots[slot];
      const { rollout } = state;
      const hasShare = rollout !== null && rollout.ending === null && rollout.sharePercent > 0;
      // A candidate before its gate may stand in for nobody, and one that was taken back neither.
      if (role === 'kept' && rollout !== null && !hasShare) return false;
      if (role !== 'stable' && role !== 'kept' && !(role === 'candidate' && hasShare)) return false;
      if (role === 'stable' && rollout !== null && rollout.sharePercent === 100 && rollout.ending === null)
        return false;
      return this.#gated.get(`${state.service}/${slot}`) === releaseId && this.#isSound(state.service, slot);
    });
  }

  /** By the processes, and not by what the proxy knows of them. */
  #isSound(service: string, slot: SlotName): boolean {
    const sinceMs = this.#soundSinceMs.get(`${service}/${slot}`) ?? Infinity;
    return this.#world.time.monotonicMs - sinceMs >= PROBED_WITHIN_MS;
  }

  /** Breaches when it holds for longer than a decision takes to reach the users. */
  #lasts(what: string, holds: boolean, breach: () => void): void {
    const { monotonicMs } = this.#world.time;
    if (!holds) this.#since.delete(what);
    else if (!this.#since.has(what)) this.#since.set(what, monotonicMs);
    else if (Math.min(monotonicMs - this.#since.get(what)!, this.#memory.clearMs) > REACHES_USERS_MS)
      breach();
  }

  #isWanted(service: string, slot: SlotName): boolean {
    return this.#world.proxy.wanted(service).some((each) => each.slot === slot && each.part > 0);
  }
}
