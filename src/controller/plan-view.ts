import { formatAddress } from '../lib/address.ts';
import { formatDuration } from '../lib/duration.ts';
import { localTime } from '../lib/local-time.ts';
import { describePlan } from '../release/describe-plan.ts';
import { newRollout } from '../rollout/new-rollout.ts';
import { labelOf, slotWithRole, type ServiceState } from '../rollout/state.ts';
import { freezeWords, lockWords } from '../rollout/guard.ts';
import { freezesOn, lockOn } from '../rollout/guards.ts';
import type { Moment } from './allowed.ts';
import type { Calendar } from './calendar.ts';
import type { Caller } from './controller.ts';
import type { Prepared } from './deploys.ts';
import type { PlanView } from './views.ts';

/** A plan for people. `state`: the service as it is, or as it would begin. */
export function planView(
  prepared: Prepared,
  at: {
    readonly state: ServiceState;
    readonly isNew: boolean;
    readonly id: string;
    readonly moment: Moment;
    /** The freeze that begins next. */
    readonly next: NextFreeze;
    readonly caller: Pick<Caller, 'actor'>;
  },
): PlanView {
  const { release, request } = prepared;
  const { state, isNew, id } = at;
  const from = stableOf(state);
  const changes = from === null || from !== release.label;
  const obstacles = [
    ...(state.rollout ? [`${state.rollout.id} (${state.rollout.label}) is under way`] : []),
    ...(changes ? guardsAgainst(state, at.moment, at.caller.actor) : []),
  ];
  return {
    id: changes ? id : null,
    service: release.service,
    label: release.label,
    from,
    lines: changes
      ? [...slotLines(prepared, state), ...describePlan(request.plan, from === null)]
      : [`${release.label} is what serves already`],
    warnings: [
      ...(request.remark === null ? [] : [request.remark]),
      ...warningsOf(state, isNew),
      ...comingFreeze(at.next, at.moment),
    ],
    changes,
    obstacles,
  };
}

type NextFreeze = ReturnType<Calendar['next']>;

/** A freeze that is far away is no concern of today's rollout. */
const SOON_MS = 86_400_000;

function comingFreeze(next: NextFreeze, { atMs }: Moment): readonly string[] {
  if (next === null || next.atMs - atMs > SOON_MS) return [];
  const { place, reason, timeZone, alsoAdvancing } = next.rule;
  const why = reason === null ? '' : ` ("${reason}")`;
  const held = alsoAdvancing ? '; a rollout that is not over by then stays where it is' : '';
  return [`a freeze by ${place}${why} begins ${localTime(next.atMs, timeZone)}${held}`];
}

/** Locks and freezes that a deploy by this caller would be refused for. */
function guardsAgainst(state: ServiceState, moment: Moment, actor: string): readonly string[] {
  const lock = lockOn(state, moment.atMs);
  const locked = lock === null || lock.by === actor ? [] : [`locked ${lockWords(lock)}`];
  return [...locked, ...freezesOn(state, moment).map((freeze) => `frozen ${freezeWords(freeze)}`)];
}

/** Label of what serves, or null. */
export function stableOf(state: ServiceState): string | null {
  const stable = slotWithRole(state, 'stable');
  const releaseId = stable === null ? null : state.slots[stable].releaseId;
  return releaseId === null ? null : labelOf(releaseId);
}

/** `start 2 × v43 in green (127.0.0.1:8201 :8202)`, and what stops because of it. */
function slotLines({ request }: Prepared, state: ServiceState): readonly string[] {
  const { candidate, from } = newRollout(state, request, 0);
  const { replicas } = state.spec.scale;
  const [first, ...others] = state.addresses[candidate].slice(0, replicas);
  const ports = others.map((address) => ` :${address.port}`).join('');
  const where = first === undefined ? '' : ` (${formatAddress(first)}${ports})`;
  const start = `+ start  ${replicas} × ${request.label} in ${candidate}${where}`;
  if (from === null) return [start];
  const keptMs = request.plan.keepOldMs;
  const when =
    keptMs === 0 ? 'at the end' : `${formatDuration(keptMs)} after the end (warm for rollback until then)`;
  return [start, `- stop   ${replicas} × ${from.label} in ${from.slot}, ${when}`];
}

function warningsOf(state: ServiceState, isNew: boolean): readonly string[] {
  if (isNew)
    return ['this is the first version: there is nothing to compare it with, and no way back from it'];
  const kept = slotWithRole(state, 'kept');
  if (kept === null || state.slots[kept].releaseId === null) return [];
  return [`the way back to ${labelOf(state.slots[kept].releaseId)} becomes cold: its slot is taken`];
}
