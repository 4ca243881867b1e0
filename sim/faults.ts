import { SLOT_NAMES, type SlotName } from '../src/release/slot.ts';
import type { ServiceState } from '../src/rollout/state.ts';
import { SERVICE } from './spec.ts';
import type { Draw } from './draw.ts';
import type { CallFault } from './wire.ts';
import type { SimWorld } from './world.ts';

/** Everything that goes wrong around the controller. Each is a row of the coverage table. */
export const FAULTS = [
  'killed',
  'killed before a commit',
  'killed after a commit',
  'killed before an effect',
  'killed after an effect',
  'slow effect',
  'failing effect',
  'lost effect',
  'effect done twice',
  'late repeat of an old route',
  'clock ahead',
  'clock back',
  'disk full',
  'replica crashes',
  'replica hangs',
  'candidate dies',
  'stable dies',
  'proxy away',
  'proxy restarts',
  'proxy forgets',
  'counts lost',
  'machine restarts',
] as const;
export type Fault = (typeof FAULTS)[number];

/** The back-off of what looks after doors and routes. */
const LONGEST_RETRY_MS = 5000;

/** Lets a fault strike, now or at the next call or commit; `hit` when it really does. */
export function strike(world: SimWorld, fault: Fault, hit: () => void): void {
  const { draw, audit } = world;
  const now = (what: string): void => {
    hit();
    audit.obstructed(what);
    audit.memory.strike(fault);
  };
  const struck = (): void => {
    hit();
    audit.memory.strike(fault);
  };
  switch (fault) {
    case 'killed':
      hit();
      return world.kill();
    case 'killed before a commit':
    case 'killed after a commit':
      world.commitKill = { when: fault === 'killed before a commit' ? 'before' : 'after', hit };
      return;
    case 'killed before an effect':
    case 'killed after an effect':
    case 'slow effect':
    case 'failing effect':
    case 'lost effect':
    case 'effect done twice':
      return arm(world, callFault(draw, fault), struck);
    case 'late repeat of an old route':
      return repeatOldRoute(world, hit);
    case 'clock ahead':
      now('the clock is put ahead');
      world.time.nowMs += draw.pick([1000, 5000, 60_000, 3_600_000]);
      return;
    case 'clock back':
      now('the clock is put back');
      world.time.nowMs -= draw.pick([200, 1000, 3000, 60_000, 3_600_000]);
      return;
    case 'disk full':
      now('the disk is full');
      world.diskFull = true;
      world.time.at(draw.whole(2, 30) * 100, () => (world.diskFull = false));
      return;
    case 'replica crashes':
    case 'replica hangs':
    case 'candidate dies':
    case 'stable dies':
      return hurt(world, fault, hit);
    case 'proxy away':
      now('the proxy is away');
      world.proxyAway = true;
      world.time.at(draw.whole(2, 40) * 100, () => (world.proxyAway = false));
      return;
    case 'proxy restarts':
      now('the proxy restarts');
      return world.proxy.restart(false);
    case 'proxy forgets':
      now('the proxy restarts with nothing on its disk');
      audit.memory.obstructed(LONGEST_RETRY_MS);
      return world.proxy.restart(true);
    case 'counts lost':
      now('counts of a second are lost');
      return world.proxy.ledger.lose();
    case 'machine restarts':
      hit();
      return world.restartMachine();
  }
}

type EffectFault = Extract<Fault, `${string} effect` | 'effect done twice'>;

function callFault(draw: Draw, fault: EffectFault): CallFault {
  switch (fault) {
    case 'killed before an effect':
      return { kind: 'killed-before' };
    case 'killed after an effect':
      return { kind: 'killed-after' };
    case 'slow effect':
      return { kind: 'slow', ms: draw.whole(1, 30) * 100 };
    case 'failing effect':
      return { kind: 'fails' };
    case 'lost effect':
      return { kind: draw.chance(0.5) ? 'done-not' : 'answer-lost' };
    case 'effect done twice':
      return { kind: 'twice', ms: draw.whole(1, 50) * 100 };
  }
}

function arm(world: SimWorld, fault: CallFault, hit: () => void): void {
  world.armed.push({
    fault,
    strikes: world.draw.chance(0.6) ? 'writes' : 'any',
    hit: (call) => {
      hit();
      world.audit.obstructed(`${fault.kind}: ${call}`, fault.kind === 'slow' ? fault.ms : 0);
    },
  });
}

function repeatOldRoute(world: SimWorld, hit: () => void): void {
  const old = world.oldRoutes.length === 0 ? null : world.draw.pick(world.oldRoutes);
  // One that forgot its routes cannot know that this one is old.
  if (old === null || (world.proxy.routes.get(old.service)?.revision ?? -1) < old.revision) return;
  hit();
  world.tell(() => `! route ${old.revision} arrives once more`);
  if (world.proxy.apply(old)) world.audit.breach(`route ${old.revision} was applied after newer ones`);
}

function hurt(
  world: SimWorld,
  fault: 'replica crashes' | 'replica hangs' | 'candidate dies' | 'stable dies',
  hit: () => void,
): void {
  const state = world.live.get(SERVICE);
  if (state === undefined) return;
  const slot = victim(world, state, fault);
  const key = `${SERVICE}/${slot}`;
  const there = slot === null ? undefined : world.machine.slots.get(key);
  if (slot === null || there === undefined) return;
  hit();
  world.tell(() => `! ${fault}: ${there.workload.release.id} in ${slot}`);
  world.audit.memory.strike(fault);
  const replica = world.draw.whole(0, there.processes.length - 1);
  if (fault === 'replica crashes') return world.machine.crash(key, replica);
  const { id } = there.workload.release;
  const process = there.processes[replica];
  if (fault === 'replica hangs' && process !== undefined) {
    process.hung = true;
    world.time.at(world.draw.whole(3, 40) * 100, () => (process.hung = false));
    return;
  }
  for (const index of there.processes.keys()) if (world.draw.chance(0.5)) world.machine.crash(key, index);
  world.machine.curse(id, world.draw.whole(5, 60) * 100);
}

function victim(world: SimWorld, { slots }: ServiceState, fault: Fault): SlotName | null {
  const has = (role: ServiceState['slots']['blue']['role']): SlotName | null =>
    SLOT_NAMES.find((slot) => slots[slot].role === role) ?? null;
  if (fault === 'stable dies') return has('stable');
  if (fault === 'candidate dies') return has('candidate') ?? has('leaving') ?? has('kept') ?? has('stable');
  const used = SLOT_NAMES.filter((slot) => slots[slot].releaseId !== null);
  return used.length === 0 ? null : world.draw.pick(used);
}
