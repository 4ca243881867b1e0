import { formatAddress } from '../lib/address.ts';
import { formatUpstream } from '../lib/upstream.ts';
import type { RolloutEvent } from './event.ts';
import { clear, enterStep, finish, freed, goBack, retire, settle, whenReady } from './steps.ts';
import { isOutside, placesOf } from './places.ts';
import { previewOf, wayBack, type Ending, type Rollout, type ServiceState } from './state.ts';
import { command, say, turnOf, withRollout, withSlot, withState, type Turn } from './turn.ts';

type Seen<K extends RolloutEvent['kind']> = Extract<RolloutEvent, { kind: K }>;

export function slotStarted(state: ServiceState, event: Seen<'slotStarted'>): Turn {
  const turn = turnOf(state);
  const { rollout } = state;
  const slot = state.slots[event.slot];
  if (slot.releaseId !== event.releaseId || slot.role === 'leaving') return turn;
  // What ran before was perhaps scaled while it was started again: the newer number stays.
  const running = slot.replicas > 0 ? turn : withSlot(turn, event.slot, { replicas: event.replicas });
  if (rollout === null || rollout.phase !== 'starting' || rollout.candidate !== event.slot) return running;
  return enterStep(say(running, startedWords(state, rollout, event)), rollout.stepIndex + 1, event.atMs);
}

function startedWords(
  state: ServiceState,
  { label, releaseId }: Rollout,
  { slot, replicas }: Seen<'slotStarted'>,
): string {
  const alone = previewOf(state);
  const preview = alone === null ? '' : `, alone on http://${formatAddress(alone[slot])}`;
  const places = placesOf(state, slot).slice(0, replicas);
  return isOutside(state, releaseId)
    ? `${label} stands in ${slot}: ${places.map(formatUpstream).join(', ')}${preview}`
    : `${label} started on ${places.map(({ port }) => `:${port}`).join(' ')}${preview}`;
}

export function slotFailed(state: ServiceState, event: Seen<'slotFailed'>): Turn {
  const { rollout } = state;
  const turn = turnOf(state);
  const slot = state.slots[event.slot];
  if (slot.releaseId !== event.releaseId || slot.role === 'leaving') return turn;
  if (rollout === null || rollout.candidate !== event.slot || rollout.releaseId !== event.releaseId)
    return say(turn, `${event.slot}: ${event.reason}`);
  return rollout.ending === null ? goBack(turn, neverReady(event.reason, event.atMs)) : turn;
}

export function slotStopped(state: ServiceState, event: Seen<'slotStopped'>): Turn {
  const slot = state.slots[event.slot];
  if (slot.role !== 'leaving' || slot.releaseId !== event.releaseId) return turnOf(state);
  const turn = freed(turnOf(state), event.slot);
  const { rollout } = state;
  if (rollout === null) {
    const empty = turn.state.slots.blue.role === 'free' && turn.state.slots.green.role === 'free';
    return state.removing && empty ? command(turn, { kind: 'removeDoor' }) : turn;
  }
  if (rollout.candidate !== event.slot) return turn;
  if (rollout.phase === 'clearing') return clear(turn, event.atMs);
  return rollout.phase === 'retiring' && rollout.ending !== null
    ? finish(turn, rollout.ending, event.atMs)
    : turn;
}

export function routeProven(state: ServiceState, event: Seen<'routeProven'>): Turn {
  const turn = turnOf(state);
  if (event.revision !== state.route.revision || state.route.proven) return turn;
  const proven = withScale(withState(turn, { route: { ...state.route, proven: true } }));
  const { rollout } = state;
  if (rollout === null) return proven;
  if (rollout.phase === 'shifting') return settle(proven, event.atMs);
  if (rollout.phase === 'probing') return whenReady(proven, event.atMs);
  return rollout.phase === 'returning' ? retire(proven, event.atMs) : proven;
}

/** The proxy counts the new number of replicas: the runtime may follow. */
function withScale(turn: Turn): Turn {
  if (!turn.state.scaling) return turn;
  let scaled = withState(turn, { scaling: false });
  for (const name of ['blue', 'green'] as const) {
    const { role, releaseId, replicas } = scaled.state.slots[name];
    if (releaseId === null || replicas === 0 || role === 'free' || role === 'leaving') continue;
    scaled = command(scaled, { kind: 'scaleSlot', slot: name, releaseId, replicas, afterDrain: true });
  }
  return scaled;
}

export function routeLate(state: ServiceState, event: Seen<'routeLate'>): Turn {
  const turn = turnOf(state);
  const { rollout } = state;
  if (event.revision !== state.route.revision || state.route.proven || rollout === null) return turn;
  if (rollout.ending !== null) {
    if (rollout.ending.outcome === 'unproven') return turn;
    const ending: Ending = {
      ...rollout.ending,
      outcome: 'unproven',
      reason: `${rollout.ending.reason}; ${event.reason}`,
    };
    return say(withRollout(turn, { ending }), `traffic could not be proven back on stable: ${event.reason}`);
  }
  if (rollout.phase !== 'shifting') return say(turn, `the route is late: ${event.reason}`);
  const back = wayBack(state);
  // Nothing is moved to a stable that is down; the route goes on being tried.
  if (back !== null && state.slots[back].healthy === 0)
    return say(turn, `the route is late, and stable is down: ${event.reason}`);
  const reason = `the route could not be proven: ${event.reason}`;
  return goBack(turn, {
    outcome: 'rolled-back',
    cause: 'route',
    reason,
    by: 'bascule',
    decidedAtMs: event.atMs,
  });
}

/**
 * Only a way back is ever done without being recorded first (the disk was full), so the way back it is. Without a rollout
 * the state of the journal is given to the proxy anew.
 */
export function routeAhead(state: ServiceState, event: Seen<'routeAhead'>): Turn {
  if (event.revision <= state.route.revision) return turnOf(state);
  const caught = withState(turnOf(state), { route: { revision: event.revision, proven: false } });
  const said = say(caught, `the proxy is at route ${event.revision}, the journal at ${state.route.revision}`);
  if (state.rollout === null || state.rollout.ending !== null) return said;
  return goBack(said, {
    outcome: 'aborted',
    cause: 'route',
    reason: 'traffic was taken back before, and that could not be recorded then',
    by: 'bascule',
    decidedAtMs: event.atMs,
  });
}

export function doorFailed(state: ServiceState, event: Seen<'doorFailed'>): Turn {
  const turn = say(turnOf(state), `the door is not as described: ${event.reason}`);
  const { rollout } = state;
  if (rollout === null || rollout.from !== null || rollout.ending !== null) return turn;
  return goBack(turn, neverReady(event.reason, event.atMs));
}

export function neverReady(reason: string, atMs: number): Ending {
  return { outcome: 'never-ready', cause: 'start', reason, by: 'bascule', decidedAtMs: atMs };
}
