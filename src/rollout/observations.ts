import { assert } from '../lib/assert.ts';
import { formatDuration } from '../lib/duration.ts';
import { isEarly } from '../release/plan.ts';
import type { SlotName } from '../release/slot.ts';
import { approvalNow } from './agreement.ts';
import { onWhenAgreed } from './approvals.ts';
import { actWhenUnsure, dwellAnswer } from './dwell.ts';
import type { RolloutEvent, StageVerdict } from './event.ts';
import { actOnFault, backIfHealthy, lines, severe } from './faults.ts';
import { neverReady } from './results.ts';
import { isOutside, replicasFor } from './places.ts';
import { standsIn } from './stand-in.ts';
import { advance, ask, begin, coldWords, enterStep, finish, goBack, vacate, whenReady } from './steps.ts';
import {
  FREE_SLOT,
  slotWithRole,
  standsStill,
  stepOf,
  type Ending,
  type Rollout,
  type ServiceState,
} from './state.ts';
import { command, say, turnOf, withRollout, withSlot, withState, type Turn } from './turn.ts';

type Seen<K extends RolloutEvent['kind']> = Extract<RolloutEvent, { kind: K }>;

/** A proxy that loses counts again and again does not fill the state. */
const MOST_LOST = 50;

export function readyOverdue(state: ServiceState, event: Seen<'readyOverdue'>): Turn {
  const { rollout } = state;
  const turn = turnOf(state);
  if (
    rollout === null ||
    rollout.id !== event.rollout ||
    rollout.phase !== 'probing' ||
    rollout.ending !== null
  )
    return turn;
  // Healthy and paused: it is a person that it waits for.
  const slot = state.slots[rollout.candidate];
  if (slot.replicas > 0 && slot.healthy >= slot.replicas) return turn;
  const within = formatDuration(rollout.plan.readyWithinMs);
  return goBack(
    turn,
    neverReady(`${rollout.label} was not ready within ${within}${lines(event.found)}`, event.atMs),
  );
}

export function judged(state: ServiceState, event: Seen<'judged'>): Turn {
  const { rollout } = state;
  const turn = turnOf(state);
  if (rollout === null || rollout.ending !== null || event.stage !== rollout.stage) return turn;
  if (!['shifting', 'dwelling', 'asking'].includes(rollout.phase)) return turn;
  const { verdict } = event;
  const bad = verdict.overall === 'severe' || verdict.overall === 'harmful';
  if (bad && rollout.overlookedUntil !== null && event.second < rollout.overlookedUntil) return turn;
  if (verdict.overall === 'severe') return severe(turn, verdict.reason ?? 'severe fault', event.atMs);
  if (rollout.byHand) return turn;
  if (verdict.overall === 'harmful') return harmful(turn, rollout, verdict, event.atMs);
  if (rollout.phase !== 'dwelling' || standsStill(rollout)) return turn;
  return dwelt(withHold(turn, rollout, verdict.hold), rollout, verdict, event.atMs);
}

/** Said once when it begins and once when it ends; the numbers of every second are the judge's. */
function withHold(turn: Turn, rollout: Rollout, hold: string | null): Turn {
  if ((hold !== null) === (rollout.judgeHolds ?? false)) return turn;
  const words = hold === null ? 'the judge no longer holds it' : `the judge holds it: ${hold}`;
  return say(withRollout(turn, { judgeHolds: hold !== null }), words);
}

function harmful(turn: Turn, rollout: Rollout, verdict: StageVerdict, atMs: number): Turn {
  const reason = verdict.reason ?? `${rollout.label} is worse than stable`;
  if (rollout.plan.whenWorse === 'rollback') {
    return backIfHealthy(turn, {
      outcome: 'rolled-back',
      cause: 'harmful',
      reason,
      by: 'bascule',
      decidedAtMs: atMs,
    });
  }
  if (rollout.paused !== null) return turn;
  return say(withRollout(turn, { paused: { by: 'bascule', atMs, reason } }), `paused: ${reason}`);
}

function dwelt(turn: Turn, rollout: Rollout, verdict: StageVerdict, atMs: number): Turn {
  const step = stepOf(rollout);
  assert(step?.kind === 'share' || isEarly(step), 'dwelling outside a step that is judged');
  const { whenUnsure } = rollout.plan;
  const answer = dwellAnswer(step, verdict, whenUnsure);
  if (answer.kind === 'stay') return turn;
  if (answer.kind === 'advance') return advance(turn, atMs);
  const { reason } = answer;
  switch (actWhenUnsure(answer, whenUnsure)) {
    case 'advance':
      return advance(say(turn, `${reason}; going on, as configured`), atMs);
    case 'ask':
      return ask(turn, reason, atMs);
    case 'rollback':
      return backIfHealthy(turn, {
        outcome: 'undecided',
        cause: 'unsure',
        reason,
        by: 'bascule',
        decidedAtMs: atMs,
      });
  }
}

export function watched(state: ServiceState, event: Seen<'watched'>): Turn {
  const { rollout } = state;
  const turn = turnOf(state);
  if (rollout === null || rollout.phase !== 'watching' || event.stage !== rollout.stage) return turn;
  const step = stepOf(rollout);
  assert(step?.kind === 'watch', 'watching outside a watch step');
  if (event.breach !== null) {
    return backIfHealthy(turn, {
      outcome: 'rolled-back',
      cause: 'watch',
      reason: event.breach,
      by: 'bascule',
      decidedAtMs: event.atMs,
    });
  }
  if (standsStill(rollout) || event.seconds * 1000 < step.forMs) return turn;
  return enterStep(turn, rollout.stepIndex + 1, event.atMs);
}

/** Kept with the rollout, so that the same seconds stay unjudged when they are folded again. */
export function countsLost(state: ServiceState, event: Seen<'countsLost'>): Turn {
  const { rollout } = state;
  if (rollout === null || rollout.ending !== null) return turnOf(state);
  const { fromSecond, toSecond, why } = event;
  const lost = [...rollout.lost, { fromSecond, toSecond }].slice(-MOST_LOST);
  return say(
    withRollout(turnOf(state), { lost }),
    `the proxy has lost its counts of ${toSecond - fromSecond + 1} seconds${why === undefined ? '' : ` (${why})`}; they are not judged`,
  );
}

export function clockAdvanced(state: ServiceState, event: Seen<'clockAdvanced'>): Turn {
  const turn = turnOf(state);
  const { rollout } = state;
  const kept = slotWithRole(state, 'kept');
  if (rollout === null && kept !== null) {
    const until = state.slots[kept].keptUntilMs;
    if (until !== null && event.atMs >= until && !standsIn(state, kept))
      return vacate(say(turn, givenUpWords(state, kept)), kept);
  }
  if (rollout === null || rollout.ending !== null) return turn;
  // It may have been healthy all along while a freeze held it.
  if (rollout.phase === 'probing') return state.route.proven ? whenReady(turn, event.atMs) : turn;
  const looked = onWhenAgreed(actOnFault(turn, event.atMs), event.atMs);
  // While a freeze holds it, nobody could say yes: the deadline begins anew after it.
  if (looked !== turn || rollout.phase !== 'asking' || rollout.held) return looked;
  if (event.atMs - rollout.stepSinceMs < rollout.plan.askDeadlineMs) return turn;
  const missing = approvalNow(rollout) === null ? 'nobody answered' : 'not enough people agreed';
  const reason = `${missing} within ${formatDuration(rollout.plan.askDeadlineMs)}: ${rollout.asks ?? ''}`;
  const ending: Ending = {
    outcome: rollout.from === null ? 'never-ready' : 'undecided',
    cause: 'unsure',
    reason,
    by: 'bascule',
    decidedAtMs: event.atMs,
  };
  // Where it got no traffic, nothing has to be healthy for it to go.
  return rollout.sharePercent === 0 ? goBack(turn, ending) : backIfHealthy(turn, ending);
}

function givenUpWords(state: ServiceState, kept: SlotName): string {
  const { releaseId } = state.slots[kept];
  const cold = releaseId === null ? 'the way back is cold now' : coldWords(state, releaseId);
  return `the old version in ${kept} is given up; ${cold}`;
}

/** Stable is started and gated again; what else ran here is gone, and a rollout under way is over. */
export function machineRestarted(state: ServiceState, event: Seen<'machineRestarted'>): Turn {
  const { rollout } = state;
  let turn = say(turnOf(state), 'the machine was restarted');
  for (const name of ['blue', 'green'] as const) {
    const { role, releaseId } = state.slots[name];
    if (role === 'stable' && releaseId !== null) {
      turn = command(withSlot(turn, name, { healthy: 0 }), {
        kind: 'startSlot',
        slot: name,
        releaseId,
        replicas: replicasFor(state, name),
      });
    } else if (role === 'kept' && releaseId !== null && isOutside(state, releaseId)) {
      turn = withSlot(turn, name, { healthy: 0 });
    } else if (role !== 'free') {
      turn = withSlot(turn, name, FREE_SLOT);
    }
  }
  if (state.removing) return command(turn, { kind: 'removeDoor' });
  if (rollout === null) return turn;
  const ending: Ending =
    rollout.promoted && rollout.ending === null
      ? {
          outcome: 'done',
          cause: 'machine',
          reason: `${rollout.label} served all traffic when the machine was restarted`,
          by: 'bascule',
          decidedAtMs: event.atMs,
        }
      : (rollout.ending ?? {
          outcome: 'aborted',
          cause: 'machine',
          reason: 'the machine was restarted',
          by: 'bascule',
          decidedAtMs: event.atMs,
        });
  const { next } = rollout;
  const over = finish(withState(turn, { rollout: { ...rollout, next: null } }), ending, event.atMs);
  return next === null ? over : begin(over, next, event.atMs);
}
