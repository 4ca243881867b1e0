import { formatAddress } from '../lib/address.ts';
import { formatDuration } from '../lib/duration.ts';
import { localTime } from '../lib/local-time.ts';
import { formatUpstream, type Upstream } from '../lib/upstream.ts';
import { describePlan } from '../release/describe-plan.ts';
import { newRollout } from '../rollout/new-rollout.ts';
import { isOutside, placesOf, replicasFor } from '../rollout/places.ts';
import { labelOf, slotWithRole, type Rollout, type ServiceState } from '../rollout/state.ts';
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
    /** Seen in the traffic of the last day, or null where nothing would be judged. */
    readonly foresight: PlanView['foresight'];
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
      ...mirrorWarnings(prepared, state),
      ...comingFreeze(at.next, at.moment),
    ],
    foresight: changes && from !== null ? at.foresight : null,
    changes,
    obstacles,
  };
}

/** nginx reads on when the copy has ended, and takes the copies in by a reload. */
function mirrorWarnings({ request }: Prepared, { spec }: ServiceState): readonly string[] {
  const copies = request.plan.steps.some((step) => step.kind === 'mirror');
  if (!copies || spec.door.proxy.kind !== 'nginx') return [];
  return [
    'nginx closes the connection of every request that it copies, and is reloaded when the mirror begins and ends: clients connect anew, and may wait for it',
  ];
}

type NextFreeze = ReturnType<Calendar['next']>;

/** A freeze that is far away is no concern of today's rollout. */
const SOON_MS = 86_400_000;

function comingFreeze(next: NextFreeze, { wallMs }: Moment): readonly string[] {
  if (next === null || next.atMs - wallMs > SOON_MS) return [];
  const { place, reason, timeZone, alsoAdvancing } = next.rule;
  const why = reason === null ? '' : ` ("${reason}")`;
  const held = alsoAdvancing ? '; a rollout that is not over by then stays where it is' : '';
  return [`a freeze by ${place}${why} begins ${localTime(next.atMs, timeZone)}${held}`];
}

/** Locks and freezes that a deploy by this caller would be refused for. */
function guardsAgainst(state: ServiceState, moment: Moment, actor: string): readonly string[] {
  const lock = lockOn(state, moment.wallMs);
  const locked = lock === null || lock.by === actor ? [] : [`locked ${lockWords(lock)}`];
  return [...locked, ...freezesOn(state, moment).map((freeze) => `frozen ${freezeWords(freeze)}`)];
}

/** Label of what serves, or null. */
export function stableOf(state: ServiceState): string | null {
  const stable = slotWithRole(state, 'stable');
  const releaseId = stable === null ? null : state.slots[stable].releaseId;
  return releaseId === null ? null : labelOf(releaseId);
}

/** What begins to run because of it, and what ends. */
function slotLines({ request }: Prepared, state: ServiceState): readonly string[] {
  const rollout = newRollout(state, request, 0);
  return [
    beginning(state, rollout),
    ...(rollout.from === null ? [] : [ending(state, rollout, rollout.from)]),
  ];
}

/** `+ start  2 × v43 in green (127.0.0.1:8201 :8202)`, `+ take   v43 as what stands in green (http://10.0.0.2:80)` */
function beginning(state: ServiceState, { candidate, label }: Rollout): string {
  const all = state.addresses[candidate];
  if (state.spec.targets !== null)
    return `+ take   ${label} as what stands in ${candidate} (${all.map(formatUpstream).join(', ')}); nothing is started`;
  const places = all.slice(0, state.spec.scale.replicas);
  const [first, ...others] = places;
  const ports = others.map((address) => ` :${address.port}`).join('');
  const where = first === undefined ? '' : ` (${formatAddress(first)}${ports})`;
  return `+ start  ${places.length} × ${label} in ${candidate}${where}`;
}

function ending(state: ServiceState, { plan }: Rollout, from: NonNullable<Rollout['from']>): string {
  const keptMs = plan.keepOldMs;
  if (isOutside(state, from.releaseId)) {
    const places = placesOf(state, from.slot).map(formatUpstream).join(', ');
    const until = keptMs === 0 ? '' : `, a switch away for ${formatDuration(keptMs)} after the end`;
    return `- leave  ${from.label} in ${from.slot} (${places})${until}; nothing is stopped`;
  }
  const when =
    keptMs === 0 ? 'at the end' : `${formatDuration(keptMs)} after the end (warm for rollback until then)`;
  return `- stop   ${replicasFor(state, from.slot)} × ${from.label} in ${from.slot}, ${when}`;
}

function warningsOf(state: ServiceState, isNew: boolean): readonly string[] {
  const targets = commonOrigins(state.addresses.blue, state.addresses.green).map(
    (origin) =>
      `blue and green share ${origin}: one application, so that health and drain are common to both; if it stops, both do`,
  );
  if (isNew) return [...firstWords(state), ...targets];
  const kept = slotWithRole(state, 'kept');
  const releaseId = kept === null ? null : state.slots[kept].releaseId;
  if (releaseId === null) return targets;
  return [`the way back to ${labelOf(releaseId)}${closing(state, releaseId)}`, ...targets];
}

function firstWords({ adopted }: ServiceState): readonly string[] {
  return adopted === null
    ? ['this is the first version: there is nothing to compare it with, and no way back from it']
    : [
        `${formatUpstream(adopted.at)} is adopted as what serves today ("${labelOf(adopted.releaseId)}"): judged against, and gone back to; visitors must come through the door of Bascule`,
      ];
}

/** What taking its slot means for the way back to a release. */
function closing(state: ServiceState, releaseId: string): string {
  if (state.spec.targets !== null) return ' closes: something else stands there now';
  const cold = ' becomes cold: its slot is taken';
  if (!isOutside(state, releaseId) || state.adopted === null) return cold;
  return `${cold}. Bascule cannot start it again: a rollback to it works while ${formatUpstream(state.adopted.at)} answers`;
}

/** Origins that stand in both. */
function commonOrigins(blue: readonly Upstream[], green: readonly Upstream[]): readonly string[] {
  const greens = new Set(green.map(formatAddress));
  return [...new Set(blue.map(formatAddress))].filter((origin) => greens.has(origin));
}
