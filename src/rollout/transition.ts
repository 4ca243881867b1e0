import { turned, type Answer } from './answer.ts';
import * as approvals from './approvals.ts';
import type { RolloutEvent, Verb } from './event.ts';
import { checkInvariants } from './invariants.ts';
import * as faults from './faults.ts';
import * as guards from './guards.ts';
import * as observations from './observations.ts';
import * as results from './results.ts';
import { retire, settle } from './steps.ts';
import { routeOf, sameRoute } from './route.ts';
import type { ServiceState } from './state.ts';
import { command, turnOf, withState, type Turn } from './turn.ts';
import { verified } from './verifying.ts';
import * as verbs from './verbs.ts';

/**
 * Decides what follows from an event. Pure. An answer of kind `turn` whose state is the same object and which has no
 * commands means that nothing is to be recorded. Its invariants are checked before anyone acts on it.
 */
export function transition(state: ServiceState, event: RolloutEvent): Answer {
  const kept = guards.keptGuards(state, event);
  const answer = guards.guarded(kept.state, event, decide(withPreview(kept.state, event), event));
  if (answer.kind !== 'turn') return answer;
  const decided = {
    ...answer.turn,
    says: [...kept.says, ...answer.turn.says],
    commands: [...kept.commands, ...answer.turn.commands],
  };
  const turn = decided.gone ? decided : routed(state, decided, event.atMs);
  checkInvariants(state, event, turn);
  return { kind: 'turn', turn };
}

/** Addresses that came with a verb stay the service's own, whatever else becomes of it. */
function withPreview(state: ServiceState, event: RolloutEvent): ServiceState {
  const given = 'preview' in event ? event.preview : undefined;
  return given === undefined || state.preview !== undefined ? state : { ...state, preview: given };
}

/** Whether a turn leaves a trace. */
export function isRecorded(state: ServiceState, turn: Turn): boolean {
  return turn.state !== state || turn.commands.length > 0 || turn.gone;
}

/** The route follows the state: wherever it differs from the last one, a new one is commanded, ahead of all else. */
function routed(before: ServiceState, turn: Turn, atMs: number): Turn {
  const overtaken = turn.state.route.revision !== before.route.revision;
  if (!overtaken && sameRoute(routeOf(before), routeOf(turn.state))) {
    const followed = followedAtOnce(turn, atMs);
    return followed === turn ? turn : routed(before, followed, atMs);
  }
  const revision = turn.state.route.revision + 1;
  const renewed = withState(turn, { route: { revision, proven: false } });
  const commanded = command(
    { ...renewed, commands: [] },
    { kind: 'applyRoute', route: routeOf(renewed.state) },
  );
  return { ...commanded, commands: [...commanded.commands, ...turn.commands] };
}

/** Where the traffic already is as asked, there is nothing to wait for. */
function followedAtOnce(turn: Turn, atMs: number): Turn {
  const { rollout, route } = turn.state;
  if (rollout === null || !route.proven) return turn;
  if (rollout.phase === 'returning') return retire(turn, atMs);
  return rollout.phase === 'shifting' ? settle(turn, atMs) : turn;
}

function decide(state: ServiceState, event: RolloutEvent): Answer {
  switch (event.kind) {
    case 'apply':
      return verbs.apply(state, event);
    case 'deploy':
      return verbs.deploy(state, event);
    case 'pause':
      return verbs.pause(state, event);
    case 'resume':
      return verbs.resume(state, event);
    case 'promote':
      return verbs.promote(state, event);
    case 'weight':
      return verbs.weight(state, event);
    case 'approve':
      return approvals.approve(state, event);
    case 'reject':
      return approvals.reject(state, event);
    case 'abort':
      return verbs.abort(state, event);
    case 'rollback':
      return verbs.rollback(state, event);
    case 'remove':
      return verbs.remove(state, event);
    case 'lock':
      return guards.lock(state, event);
    case 'unlock':
      return guards.unlock(state, event);
    case 'freeze':
      return guards.freeze(state, event);
    case 'unfreeze':
      return guards.unfreeze(state, event);
    default:
      return turned(observe(state, event));
  }
}

function observe(state: ServiceState, event: Exclude<RolloutEvent, { kind: Verb['kind'] }>): Turn {
  switch (event.kind) {
    case 'slotStarted':
      return results.slotStarted(state, event);
    case 'slotFailed':
      return results.slotFailed(state, event);
    case 'slotStopped':
      return results.slotStopped(state, event);
    case 'routeProven':
      return results.routeProven(state, event);
    case 'routeLate':
      return results.routeLate(state, event);
    case 'verified':
      return verified(state, event);
    case 'doorFailed':
      return results.doorFailed(state, event);
    case 'doorInstalled':
    case 'slotScaled':
      return turnOf(state);
    case 'doorRemoved':
      return { ...turnOf(state), gone: state.removing };
    case 'healthSeen':
      return faults.healthSeen(state, event);
    case 'crashSeen':
      return faults.crashSeen(state, event);
    case 'readyOverdue':
      return observations.readyOverdue(state, event);
    case 'judged':
      return observations.judged(state, event);
    case 'watched':
      return observations.watched(state, event);
    case 'countsLost':
      return observations.countsLost(state, event);
    case 'routeAhead':
      return results.routeAhead(state, event);
    case 'clockAdvanced':
      return observations.clockAdvanced(state, event);
    case 'machineRestarted':
      return observations.machineRestarted(state, event);
  }
}
