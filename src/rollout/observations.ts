import { assert } from '../lib/assert.ts';
import { formatDuration } from '../lib/duration.ts';
import type { RolloutEvent, StageVerdict } from './event.ts';
import { neverReady } from './results.ts';
import { advance, ask, begin, enterStep, finish, goBack, vacate, whenReady } from './steps.ts';
import {
  FREE_SLOT,
  slotWithRole,
  stepOf,
  wayBack,
  type Ending,
  type Rollout,
  type ServiceState,
} from './state.ts';
import { command, say, turnOf, withRollout, withSlot, withState, type Turn } from './turn.ts';

type Seen<K extends RolloutEvent['kind']> = Extract<RolloutEvent, { kind: K }>;

/** Crash exits of candidate replicas within one stage that are a severe fault; while starting, one more is needed. */
const SEVERE_CRASHES = 2;
const CRASHES_BEFORE_READY = 3;
/** A judge that is not sure needs this many candidate requests before "no evidence against" means anything. */
const LEAST_REQUESTS = 20;

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
  if (rollout.candidate !== event.slot) return stableReturned(said, rollout, event);
  if (rollout.phase === 'probing') return state.route.proven ? whenReady(said, event.atMs) : said;
  if (event.healthy > 0 || rollout.sharePercent === 0) return said;
  return severe(said, `no replica of ${rollout.label} is healthy`, event.atMs);
}

/** Stable is up again: a candidate that failed while there was nowhere to go back to is left now. */
function stableReturned(turn: Turn, rollout: Rollout, event: Seen<'healthSeen'>): Turn {
  const dead = turn.state.slots[rollout.candidate].healthy === 0 && rollout.sharePercent > 0;
  if (!dead || event.healthy === 0 || wayBack(turn.state) !== event.slot) return turn;
  return severe(turn, `no replica of ${rollout.label} is healthy`, event.atMs);
}

export function crashSeen(state: ServiceState, event: Seen<'crashSeen'>): Turn {
  const { rollout } = state;
  const turn = turnOf(state);
  if (rollout === null || rollout.ending !== null || rollout.candidate !== event.slot) return turn;
  if (rollout.releaseId !== event.releaseId || event.crashes <= rollout.crashes) return turn;
  const seen = say(
    withRollout(turn, { crashes: event.crashes }),
    `a replica of ${rollout.label} crashed (${event.crashes} so far)`,
  );
  if (rollout.phase === 'probing' || rollout.phase === 'starting') {
    if (event.crashes < CRASHES_BEFORE_READY) return seen;
    const reason = `${rollout.label} crashed ${event.crashes} times before it was ready${lines(event.found)}`;
    return goBack(seen, neverReady(reason, event.atMs));
  }
  if (event.crashes - rollout.crashesBefore < SEVERE_CRASHES) return seen;
  return severe(
    seen,
    `replicas of ${rollout.label} crashed ${event.crashes - rollout.crashesBefore} times in this step${lines(event.found)}`,
    event.atMs,
  );
}

function lines(found: readonly string[]): string {
  return found.length === 0 ? '' : `:\n  ${found.join('\n  ')}`;
}

/** Back at once, if where it came from is healthy; when it is not, nothing is moved to it and people are told. */
function severe(turn: Turn, reason: string, atMs: number): Turn {
  return backIfHealthy(turn, {
    outcome: 'rolled-back',
    cause: 'severe',
    reason,
    by: 'bascule',
    decidedAtMs: atMs,
  });
}

function backIfHealthy(turn: Turn, ending: Ending): Turn {
  const back = wayBack(turn.state);
  if (back !== null && turn.state.slots[back].healthy > 0) return goBack(turn, ending);
  const why = back === null ? 'there is no version to go back to' : 'stable is down';
  const { rollout } = turn.state;
  assert(rollout !== null, 'a fault without a rollout');
  const reason = `${ending.reason}, but ${why}`;
  if (rollout.paused?.reason === reason) return turn;
  return rollout.paused !== null
    ? turn
    : say(
        withRollout(turn, { paused: { by: 'bascule', atMs: ending.decidedAtMs, reason } }),
        `paused: ${reason}`,
      );
}

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
  // Ready in time, and held back by a pause.
  const { healthy, replicas } = state.slots[rollout.candidate];
  if (rollout.paused !== null && replicas > 0 && healthy >= replicas) return turn;
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
  if (rollout.phase !== 'dwelling' && rollout.phase !== 'asking') return turn;
  const { verdict } = event;
  if (verdict.overall === 'severe') return severe(turn, verdict.reason ?? 'severe fault', event.atMs);
  const overlooked = rollout.overlookedUntil !== null && event.second < rollout.overlookedUntil;
  if (verdict.overall === 'harmful' && (rollout.byHand || overlooked)) return turn;
  if (verdict.overall === 'harmful') return harmful(turn, rollout, verdict, event.atMs);
  if (rollout.phase === 'asking' || rollout.paused !== null || rollout.byHand) return turn;
  return dwelt(turn, rollout, verdict, event.atMs);
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

/** The dwell counts judged seconds, so that no clock moves a rollout before its traffic was looked at. */
function dwelt(turn: Turn, rollout: Rollout, verdict: StageVerdict, atMs: number): Turn {
  const step = stepOf(rollout);
  assert(step?.kind === 'share', 'dwelling outside a share step');
  const dweltMs = verdict.seconds * 1000;
  if (verdict.overall === 'safe' && dweltMs >= step.atLeastMs) return advance(turn, atMs);
  if (dweltMs < step.atMostMs) return turn;
  const { whenUnsure } = rollout.plan;
  const enough =
    verdict.overall !== 'suspicious' && verdict.overall !== 'harmful' && verdict.requests >= LEAST_REQUESTS;
  if (!enough && dweltMs < step.atMostMs + whenUnsure.waitMs) return turn;
  const why = enough
    ? 'no evidence against it, but not surely safe'
    : verdict.overall === 'suspicious'
      ? 'suspicious'
      : `only ${verdict.requests} requests`;
  const reason = `undecided after ${formatDuration(dweltMs)}: ${why}`;
  switch (whenUnsure.then) {
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
  if (rollout.paused !== null || event.seconds * 1000 < step.forMs) return turn;
  return enterStep(turn, rollout.stepIndex + 1, event.atMs);
}

export function clockAdvanced(state: ServiceState, event: Seen<'clockAdvanced'>): Turn {
  const turn = turnOf(state);
  const { rollout } = state;
  const kept = slotWithRole(state, 'kept');
  if (rollout === null && kept !== null) {
    const until = state.slots[kept].keptUntilMs;
    if (until !== null && event.atMs >= until)
      return vacate(say(turn, `the old version in ${kept} is given up; the way back is cold now`), kept);
  }
  if (rollout === null || rollout.ending !== null || rollout.phase !== 'asking') return turn;
  if (event.atMs - rollout.stepSinceMs < rollout.plan.askDeadlineMs) return turn;
  const reason = `nobody answered within ${formatDuration(rollout.plan.askDeadlineMs)}: ${rollout.asks ?? ''}`;
  return goBack(turn, {
    outcome: 'undecided',
    cause: 'unsure',
    reason,
    by: 'bascule',
    decidedAtMs: event.atMs,
  });
}

/** Stable is started and gated again; what else ran is gone, and a rollout under way is over. */
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
        replicas: state.spec.scale.replicas,
      });
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
