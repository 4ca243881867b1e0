import { assert } from '../lib/assert.ts';
import type { RolloutEvent } from './event.ts';
import { neverReady } from './results.ts';
import { goBack, whenReady } from './steps.ts';
import { earlyStepOf, wayBack, type Ending, type Rollout, type ServiceState } from './state.ts';
import { say, turnOf, withRollout, withSlot, type Turn } from './turn.ts';

type Seen<K extends RolloutEvent['kind']> = Extract<RolloutEvent, { kind: K }>;

/** Crash exits of candidate replicas within one step that are a severe fault; while starting, one more is needed. */
const SEVERE_CRASHES = 2;
const CRASHES_BEFORE_READY = 3;

export function healthSeen(state: ServiceState, event: Seen<'healthSeen'>): Turn {
  const slot = state.slots[event.slot];
  if (slot.releaseId !== event.releaseId || slot.role === 'leaving' || slot.healthy === event.healthy)
    return turnOf(state);
  const turn = withSlot(turnOf(state), event.slot, { healthy: event.healthy });
  const { rollout } = state;
  const said =
    slot.replicas > 0 && (event.healthy < slot.healthy || event.healthy === slot.replicas)
      ? say(turn, `${event.slot}: ${event.healthy} of ${slot.replicas} replicas healthy`)
      : turn;
  if (rollout === null || rollout.ending !== null) return said;
  if (rollout.phase === 'probing' && rollout.candidate === event.slot)
    return state.route.proven ? whenReady(said, event.atMs) : said;
  return actOnFault(said, event.atMs);
}

export function crashSeen(state: ServiceState, event: Seen<'crashSeen'>): Turn {
  const { rollout } = state;
  const turn = turnOf(state);
  if (rollout === null || rollout.ending !== null || rollout.candidate !== event.slot) return turn;
  if (rollout.releaseId !== event.releaseId || event.crashes <= rollout.crashes) return turn;
  const inAll = event.crashes - rollout.crashesBefore;
  const seen = say(
    withRollout(turn, { crashes: event.crashes }),
    `a replica of ${rollout.label} crashed (${inAll} in this step)`,
  );
  if (!['starting', 'probing', 'verifying'].includes(rollout.phase))
    return actOnFault(seen, event.atMs, event.found);
  if (inAll < CRASHES_BEFORE_READY) return seen;
  const reason = `${rollout.label} crashed ${inAll} times before it was ready${lines(event.found)}`;
  return goBack(seen, neverReady(reason, event.atMs));
}

/**
 * Acts on a severe fault that stands now. Asked at every look and not only when something changes, so that a fault found
 * while stable was down acts as soon as there is somewhere to go.
 */
export function actOnFault(turn: Turn, atMs: number, found: readonly string[] = []): Turn {
  const { rollout } = turn.state;
  if (rollout === null || rollout.ending !== null) return turn;
  if (!['shifting', 'dwelling', 'asking', 'watching'].includes(rollout.phase)) return turn;
  const reason = faultOf(turn.state, rollout);
  return reason === null ? turn : severe(turn, `${reason}${lines(found)}`, atMs);
}

function faultOf(state: ServiceState, rollout: Rollout): string | null {
  const isAsked = rollout.sharePercent > 0 || earlyStepOf(rollout) !== null;
  if (isAsked && state.slots[rollout.candidate].healthy === 0)
    return `no replica of ${rollout.label} is healthy`;
  const inStep = rollout.crashes - rollout.crashesBefore;
  return inStep < SEVERE_CRASHES ? null : `replicas of ${rollout.label} crashed ${inStep} times in this step`;
}

export function lines(found: readonly string[]): string {
  return found.length === 0 ? '' : `:\n  ${found.join('\n  ')}`;
}

/** Back at once, if where it came from is healthy; when it is not, nothing is moved to it and people are told. */
export function severe(turn: Turn, reason: string, atMs: number): Turn {
  return backIfHealthy(turn, {
    outcome: 'rolled-back',
    cause: 'severe',
    reason,
    by: 'bascule',
    decidedAtMs: atMs,
  });
}

/** Every way back that no person asked for. */
export function backIfHealthy(turn: Turn, ending: Ending): Turn {
  const back = wayBack(turn.state);
  if (back !== null && turn.state.slots[back].healthy > 0) return goBack(turn, ending);
  const { rollout } = turn.state;
  assert(rollout !== null, 'a fault without a rollout');
  if (rollout.paused !== null) return turn;
  const reason = `${ending.reason}, but ${back === null ? 'there is no version to go back to' : 'stable is down'}`;
  const paused = { by: 'bascule', atMs: ending.decidedAtMs, reason };
  return say(withRollout(turn, { paused }), `paused: ${reason}`);
}
