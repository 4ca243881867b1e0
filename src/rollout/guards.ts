import { nothing, refused, turned, type Answer } from './answer.ts';
import { whyNeverAgreed } from './agreement.ts';
import type { RolloutEvent, Verb } from './event.ts';
import {
  freezeWords,
  frozenBy,
  isOn,
  lockWords,
  MOST_FREEZES,
  type Freeze,
  type Hold,
  type Lock,
} from './guard.ts';
import type { Rollout, ServiceState } from './state.ts';
import { say, turnOf, withRollout, withState, type Turn } from './turn.ts';

type Asked<K extends Verb['kind']> = Extract<RolloutEvent, { kind: K }>;
type Moment = Pick<RolloutEvent, 'atMs' | 'wallMs' | 'frozen'>;

export function lockOn(state: ServiceState, wallMs: number): Lock | null {
  const lock = state.lock ?? null;
  return lock !== null && isOn(lock, wallMs) ? lock : null;
}

/** Every freeze that is on: of this service, then of the whole server. */
export function freezesOn(
  state: ServiceState,
  { wallMs, frozen }: Pick<Moment, 'wallMs' | 'frozen'>,
): readonly Freeze[] {
  return [...(state.freezes ?? []).filter((freeze) => isOn(freeze, wallMs)), ...(frozen ?? [])];
}

/**
 * What was decided without any guard, unless it goes forward and a guard stands before that. Going back never gets here:
 * an abort, a rollback and a pause are not forward, whoever asks and whatever is locked or frozen.
 */
export function guarded(state: ServiceState, event: RolloutEvent, answer: Answer): Answer {
  if (answer.kind !== 'turn') return answer;
  const forward = forwardOf(state, event, answer.turn);
  if (forward === null) return answer;
  const lock = lockOn(state, event.wallMs);
  if (lock !== null && lock.by !== event.actor) return refusedByLock(state, lock, forward);
  const never = event.kind === 'deploy' ? whyNeverAgreed(event.request) : null;
  if (never !== null) return refused('APPROVAL_IMPOSSIBLE', `${never} Nothing was started.`);
  const freezes = freezesAgainst(state, event, forward);
  if (freezes.length === 0) return answer;
  const override = overrideOf(event);
  if (override === null) return refusedByFreeze(state, freezes, forward);
  const said = `freeze overridden by ${event.actor} ("${override}"): frozen ${freezes.map(freezeWords).join('; ')}`;
  const lifted = withRollout(answer.turn, { held: null, overridesFreeze: override });
  return turned({ ...(forward === 'start' ? answer.turn : lifted), says: [said, ...answer.turn.says] });
}

function freezesAgainst(
  state: ServiceState,
  event: RolloutEvent,
  forward: 'start' | 'promote',
): readonly Freeze[] {
  const freezes = freezesOn(state, event);
  if (forward === 'start') return freezes;
  return overrides(state.rollout) ? [] : freezes.filter((freeze) => freeze.alsoAdvancing);
}

function overrides(rollout: Rollout | null): boolean {
  return (rollout?.overridesFreeze ?? null) !== null;
}

function overrideOf(event: RolloutEvent): string | null {
  if (event.kind === 'deploy') return event.request.override ?? null;
  return event.kind === 'promote' ? (event.override ?? null) : null;
}

/** Whether a turn starts a rollout, or takes one further; null where it does neither. */
function forwardOf(state: ServiceState, event: RolloutEvent, turn: Turn): 'start' | 'promote' | null {
  const is = turn.state.rollout;
  if (event.kind === 'deploy') {
    const begun = [is?.id, is?.next?.rollout].includes(event.request.rollout);
    return begun ? 'start' : null;
  }
  const was = state.rollout;
  const steers = event.kind === 'promote' || event.kind === 'weight';
  // A resume goes on where it was, but for one that leaves a share that was set by hand.
  if (!steers && !(event.kind === 'resume' && was?.byHand === true)) return null;
  // On the way back to a former version, forward is back.
  if (was === null || was.purpose === 'rollback') return null;
  if (event.kind === 'promote' || is?.id !== was.id) return 'promote';
  return is.sharePercent > was.sharePercent || is.stepIndex > was.stepIndex ? 'promote' : null;
}

function refusedByLock(state: ServiceState, lock: Lock, forward: 'start' | 'promote'): Answer {
  const what = forward === 'start' ? 'nothing was started' : 'nothing was promoted';
  return refused(
    'LOCKED',
    `${state.service} is locked ${lockWords(lock)}; ${what}, and traffic stays as it is. Ask them to release it, or: bascule lock release ${state.service} --force --reason '…'. Abort, rollback and pause need no lock.`,
  );
}

function refusedByFreeze(
  state: ServiceState,
  freezes: readonly Freeze[],
  forward: 'start' | 'promote',
): Answer {
  const what = forward === 'start' ? 'nothing was started' : 'nothing was promoted';
  const verb = forward === 'start' ? 'deploy' : 'promote';
  const lift = freezes.some(({ scope }) => scope === 'file')
    ? 'change the server file and restart the server'
    : `lift it with "bascule unfreeze ${freezes.some(({ scope }) => scope === 'server') ? '--all' : state.service}"`;
  return refused(
    'FROZEN',
    `${state.service} is frozen ${freezes.map(freezeWords).join('; and ')}; ${what}, and traffic stays as it is. Wait, ${lift}, or: bascule ${verb} ${state.service} --override-freeze --reason '…'. Abort, rollback and pause are never frozen.`,
  );
}

/** Brings what guards do by themselves up to this moment: what has run out goes, a rollout is held or let go. */
export function keptGuards(state: ServiceState, event: RolloutEvent): Turn {
  // The way back is not made to wait for book-keeping.
  if (event.kind === 'abort' || event.kind === 'rollback') return turnOf(state);
  const turn = event.kind === 'clockAdvanced' ? withoutExpired(state, event.wallMs) : turnOf(state);
  const { rollout } = turn.state;
  if (rollout === null || rollout.ending !== null) return turn;
  const hold = holdOf(turn.state, rollout, event);
  const held = rollout.held ?? null;
  if (hold === null) return held === null ? turn : letGo(turn, event.atMs);
  if (hold.reason === held?.reason) return turn;
  return say(
    withRollout(turn, { held: held === null ? hold : { ...hold, sinceMs: held.sinceMs } }),
    `held: frozen ${hold.reason}; harm and severe faults still act`,
  );
}

function holdOf(state: ServiceState, rollout: Rollout, event: Moment): Hold | null {
  if (rollout.purpose === 'rollback' || overrides(rollout)) return null;
  const freezes = freezesOn(state, event).filter((freeze) => freeze.alsoAdvancing);
  if (freezes.length === 0) return null;
  return { sinceMs: event.atMs, reason: freezes.map(freezeWords).join('; and ') };
}

/** It goes on with what comes next; where it only waits to be ready, with the next look at the clock. */
function letGo(turn: Turn, atMs: number): Turn {
  const asking = turn.state.rollout?.phase === 'asking' && { stepSinceMs: atMs };
  return say(
    withRollout(turn, { held: null, ...asking }),
    'no freeze holds it any more; the rollout goes on',
  );
}

function withoutExpired(state: ServiceState, wallMs: number): Turn {
  let turn = turnOf(state);
  const { lock, freezes = [] } = state;
  if (lock && !isOn(lock, wallMs))
    turn = say(withState(turn, { lock: null }), `the lock of ${lock.by} ran out`);
  const over = freezes.filter((freeze) => !isOn(freeze, wallMs));
  if (over.length === 0) return turn;
  const left = freezes.filter((freeze) => isOn(freeze, wallMs));
  return say(
    withState(turn, { freezes: left }),
    `the freeze by ${over.map(({ by }) => by).join(' and ')} is over`,
  );
}

export function lock(state: ServiceState, event: Asked<'lock'>): Answer {
  const { reason, untilMs, timeZone, actor: by, wallMs } = event;
  if (untilMs !== null && untilMs <= wallMs) return past('locked');
  const now = lockOn(state, wallMs);
  if (now !== null && now.by !== by) {
    return refused(
      'LOCKED',
      `${state.service} is locked already ${lockWords(now)}; it stays theirs. Ask them to release it, or: bascule lock release ${state.service} --force --reason '…'.`,
    );
  }
  if (now !== null && now.reason === reason && now.untilMs === untilMs)
    return nothing(`${state.service} is locked already ${lockWords(now)}.`);
  const taken: Lock = { by, atMs: wallMs, reason, untilMs, timeZone };
  return turned(
    say(
      withState(turnOf(state), { lock: taken }),
      `locked ${lockWords(taken)}; nobody else starts or promotes`,
    ),
  );
}

export function unlock(state: ServiceState, event: Asked<'unlock'>): Answer {
  const now = lockOn(state, event.wallMs);
  if (now === null) return nothing(`${state.service} is not locked.`);
  const free = withState(turnOf(state), { lock: null });
  if (now.by === event.actor) return turned(say(free, `released by ${event.actor}`));
  if (!event.force || event.reason === null) {
    return refused(
      'LOCKED',
      `${state.service} is locked ${lockWords(now)}, and you are ${event.actor}; it stays locked. To release somebody else's lock: bascule lock release ${state.service} --force --reason '…'.`,
    );
  }
  return turned(say(free, `the lock ${lockWords(now)} was broken by ${event.actor}: ${event.reason}`));
}

export function freeze(state: ServiceState, event: Asked<'freeze'>): Answer {
  const freezes = (state.freezes ?? []).filter((one) => isOn(one, event.wallMs));
  const refusal = freezeRefusal(freezes, event.freeze, event.wallMs);
  if (refusal !== null) return refusal;
  const own = freezes.find(({ by }) => by === event.freeze.by);
  if (own !== undefined && sameFreeze(own, event.freeze))
    return nothing(`${state.service} is frozen already ${freezeWords(own)}.`);
  const frozen = withState(turnOf(state), { freezes: frozenBy(freezes, event.freeze) });
  const held = holds(event.freeze) ? '; a rollout under way stays where it is' : '';
  return turned(say(frozen, `frozen ${freezeWords(event.freeze)}: nothing starts${held}`));
}

export function unfreeze(state: ServiceState, event: Asked<'unfreeze'>): Answer {
  const freezes = (state.freezes ?? []).filter((one) => isOn(one, event.wallMs));
  const others = event.frozen ?? [];
  const still = others.length === 0 ? '' : ` It is still frozen ${others.map(freezeWords).join('; and ')}.`;
  if (freezes.length === 0)
    return nothing(
      others.length === 0
        ? `${state.service} is not frozen.`
        : `nobody has frozen ${state.service} by itself.${still}`,
    );
  return turned(
    say(
      withState(turnOf(state), { freezes: [] }),
      `unfrozen by ${event.actor}: was frozen ${freezes.map(freezeWords).join('; and ')}.${still}`,
    ),
  );
}

/** What stands against adding a freeze, or null. */
export function freezeRefusal(freezes: readonly Freeze[], freeze: Freeze, wallMs: number): Answer | null {
  if (freeze.untilMs !== null && freeze.untilMs <= wallMs) return past('frozen');
  if (frozenBy(freezes, freeze).length <= MOST_FREEZES) return null;
  return refused(
    'FREEZES_FULL',
    `there are ${MOST_FREEZES} freezes already, by as many people; nothing was frozen. Lift one first.`,
  );
}

export function sameFreeze(one: Freeze, other: Freeze): boolean {
  return (
    one.by === other.by &&
    one.untilMs === other.untilMs &&
    one.alsoAdvancing === other.alsoAdvancing &&
    one.reason === other.reason
  );
}

function holds(one: Freeze): boolean {
  return one.alsoAdvancing;
}

function past(what: string): Answer {
  return refused(
    'TIME_PAST',
    `the end that was given lies in the past by the clock of the server; nothing was ${what}.`,
  );
}
