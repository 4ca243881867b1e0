import { formatAddress } from '../lib/address.ts';
import { formatDuration } from '../lib/duration.ts';
import { isEarly, type Step } from '../release/plan.ts';
import { otherSlot, SLOT_NAMES, type SlotName } from '../release/slot.ts';
import { approvalNow } from '../rollout/agreement.ts';
import { freezesOn, lockOn } from '../rollout/guards.ts';
import { placesOf } from '../rollout/places.ts';
import { routeOf } from '../rollout/route.ts';
import {
  earlyStepOf,
  labelOf,
  previewOf,
  slotWithRole,
  spanOf,
  stepOf,
  type Ending,
  type Outcome,
  type Rollout,
  type ServiceState,
  type Slot,
} from '../rollout/state.ts';
import { type DoorSpec, isSecureBuiltin } from '../release/service.ts';
import type { Route } from '../traffic/router.ts';
import type { Moment } from './allowed.ts';
import { wallOf, type RolloutRecord } from './records.ts';
import type { Actions, RolloutView, ServiceView, SlotView, StepView } from './views.ts';

const EXIT_CODES: Readonly<Record<Outcome, number>> = {
  done: 0,
  'rolled-back': 10,
  aborted: 11,
  undecided: 12,
  'never-ready': 16,
  unproven: 17,
  superseded: 18,
};

/** What the client of a rollout exits with. */
export function exitCodeOf(outcome: Outcome): number {
  return EXIT_CODES[outcome];
}

export function serviceView(
  state: ServiceState,
  { now, last }: { readonly now: RolloutView | null; readonly last: RolloutView | null },
  { moment, actions }: { readonly moment: Moment; readonly actions: Actions },
): ServiceView {
  const stable = slotWithRole(state, 'stable');
  return {
    name: state.service,
    users: usersOf(state),
    condition: conditionOf(state),
    door: addressOf(state.spec.door),
    stable: stable === null ? null : labelIn(state, stable),
    slots: { blue: slotView(state, 'blue', moment), green: slotView(state, 'green', moment) },
    rollout: now,
    last,
    lock: lockOn(state, moment.wallMs),
    freezes: freezesOn(state, moment),
    ...actions,
  };
}

/** Where people come: `https://shop.example.com/app`. */
function addressOf({ listen, host, path, proxy }: DoorSpec): string {
  const isSecure = isSecureBuiltin(proxy) || (proxy.kind !== 'builtin' && proxy.tls !== null);
  const port = listen.port === (isSecure ? 443 : 80) ? '' : `:${listen.port}`;
  const at = host === null ? formatAddress({ host: listen.address, port: listen.port }) : `${host}${port}`;
  return `${isSecure ? 'https' : 'http'}://${at}${path === '/' ? '' : path}`;
}

function slotView(state: ServiceState, name: SlotName, moment: Moment): SlotView {
  const { role, replicas, healthy, keptUntilMs: until } = state.slots[name];
  const keptUntilMs = until === null ? null : wallOf(until, moment);
  const addresses = placesOf(state, name).map((place) => `${formatAddress(place)}${place.pathPrefix}`);
  const alone = previewOf(state);
  const preview = alone === null ? null : `http://${formatAddress(alone[name])}`;
  return { role, label: labelIn(state, name), replicas, healthy, addresses, preview, keptUntilMs };
}

function labelIn(state: ServiceState, slot: SlotName): string | null {
  const { releaseId } = state.slots[slot];
  return releaseId === null ? null : labelOf(releaseId);
}

/** What users get: the shares of the route, and who stands in for a slot that is down. */
function usersOf(state: ServiceState): string {
  const { serve, split, standIn } = routeOf(state);
  if (serve === null) return '503: nothing serves yet';
  const names = { blue: labelIn(state, 'blue') ?? 'nothing', green: labelIn(state, 'green') ?? 'nothing' };
  const down = SLOT_NAMES.find((slot) => isAsked(slot, serve, split) && isDown(state.slots[slot]));
  if (down !== undefined) {
    const other = otherSlot(down);
    if (standIn && state.slots[other].healthy > 0) return `100% on ${names[other]}: ${names[down]} is down`;
    if (split === null) return `503: ${names[down]} is down`;
  }
  if (split === null) return `100% on ${names[serve]}`;
  return `${round(100 - split.sharePercent)}% on ${names[serve]}, ${split.sharePercent}% on ${names[split.slot]}`;
}

function isAsked(slot: SlotName, serve: SlotName, split: Route['split']): boolean {
  return slot === serve || slot === split?.slot;
}

function isDown({ replicas, healthy }: Slot): boolean {
  return replicas > 0 && healthy === 0;
}

function conditionOf(state: ServiceState): ServiceView['condition'] {
  const stable = slotWithRole(state, 'stable');
  if (stable === null) return 'nothing serves';
  const { healthy, replicas } = state.slots[stable];
  if (replicas > 0 && healthy === 0) return 'stable is down';
  return SLOT_NAMES.some(
    (slot) =>
      ['stable', 'candidate'].includes(state.slots[slot].role) &&
      state.slots[slot].healthy < state.slots[slot].replicas,
  )
    ? 'degraded'
    : 'serving';
}

/** Under way when `state` is given: its state says more than the record. */
export function rolloutView(
  record: RolloutRecord,
  state: ServiceState | null,
  { moment, actions }: { readonly moment: Moment; readonly actions: Actions },
): RolloutView {
  const rollout = state?.rollout?.id === record.rollout.id ? state.rollout : record.rollout;
  const over = record.endedAtMs !== null;
  const ending = record.ending ?? rollout.ending;
  return {
    id: rollout.id,
    service: rollout.releaseId.slice(0, rollout.releaseId.indexOf('/')),
    purpose: rollout.purpose,
    label: rollout.label,
    from: rollout.from?.label ?? null,
    actor: rollout.actor,
    strategy: rollout.plan.strategy,
    startedAtMs: over ? record.startedAtMs : wallOf(rollout.startedAtMs, moment),
    endedAtMs: record.endedAtMs,
    phase: over ? 'over' : rollout.phase,
    ...endingView(ending),
    exitCode: exitOf(ending, over),
    approval: over ? null : approvalView(rollout),
    waiting: over ? null : waitingOf(rollout, state, holdIn(rollout, record)),
    paused: !over && rollout.paused !== null,
    byHand: !over && rollout.byHand,
    sharePercent: over ? (ending?.outcome === 'done' ? 100 : 0) : rollout.sharePercent,
    stepIndex: rollout.stepIndex,
    steps: stepViews(rollout, record, over),
    next: over || ending !== null ? null : nextOf(rollout),
    verdict: record.verdict,
    ...(record.early !== undefined && { early: record.early }),
    traffic: record.traffic,
    ...actions,
  };
}

/** Final once it is over; that the route back could not be proven is worth leaving for at once. */
function exitOf(ending: Ending | null, over: boolean): number | null {
  if (ending === null) return null;
  return over || ending.outcome === 'unproven' ? exitCodeOf(ending.outcome) : null;
}

function endingView(ending: Ending | null): Pick<RolloutView, 'outcome' | 'cause' | 'reason'> {
  return { outcome: ending?.outcome ?? null, cause: ending?.cause ?? null, reason: ending?.reason ?? null };
}

function waitingOf(rollout: Rollout, state: ServiceState | null, hold: string | null): string | null {
  const agreement = approvalNow(rollout);
  if (agreement !== null) return `${rollout.asks}${givenWords(agreement)}`;
  if (rollout.asks !== null) return `a person: ${rollout.asks}`;
  if (rollout.paused !== null) return rollout.paused.reason;
  if (rollout.held && rollout.ending === null) return `the end of a freeze ${rollout.held.reason}`;
  if (rollout.byHand) return `the share was set by hand to ${rollout.sharePercent}%; "resume" goes on`;
  switch (rollout.phase) {
    case 'clearing':
      return `the slot ${rollout.candidate} to be empty`;
    case 'starting':
      return `${rollout.label} to be built and started`;
    case 'probing': {
      const slot = state?.slots[rollout.candidate];
      return `every replica to be healthy (${slot?.healthy ?? 0} of ${slot?.replicas ?? 0})`;
    }
    case 'verifying':
      return `the checks on the preview address of ${rollout.label}`;
    case 'returning':
      return `proof that all traffic is back on ${rollout.from?.label ?? 'nothing'}`;
    case 'retiring':
      return `the requests in flight on ${rollout.label}`;
    case 'dwelling':
      return hold === null ? null : `the judge, which holds it: ${hold}`;
    case 'shifting':
    case 'asking':
    case 'watching':
      return null;
  }
}

/** Of now: the judge's last word may still be about the step before. */
function holdIn(rollout: Rollout, { verdict, early = [] }: RolloutRecord): string | null {
  const isEarlyNow = earlyStepOf(rollout) !== null;
  return (isEarlyNow ? early.at(-1)?.hold : verdict?.hold) ?? null;
}

/** Judged seconds in the step of now, or null while its first second is open. */
function judgedSeconds(rollout: Rollout, { verdict, early = [] }: RolloutRecord): number | null {
  if (spanOf(rollout) === null) return null;
  const step = earlyStepOf(rollout);
  if (step !== null) {
    const last = early.at(-1);
    return last?.kind === step.kind ? last.seconds : null;
  }
  // Just after a share changed, and once it is 100%, the judge's last word is still about the former one.
  return verdict?.share.askedPercent === rollout.sharePercent ? verdict.judgedSecondsInStep : null;
}

/** ` (1 of 2 so far: bob)`. */
function givenWords({ need, given }: NonNullable<ReturnType<typeof approvalNow>>): string {
  if (given.length === 0) return '';
  return ` (${given.length} of ${need} so far: ${given.map(({ by }) => by).join(', ')})`;
}

function approvalView(rollout: Rollout): RolloutView['approval'] {
  const now = approvalNow(rollout);
  if (now === null) return null;
  const { step, need, given } = now;
  const before = step.before === 'start' ? step.before : `${step.before}%`;
  return { before, need, of: step.of, given: given.map(({ by, atMs, reason }) => ({ by, atMs, reason })) };
}

function stepViews(rollout: Rollout, record: RolloutRecord, over: boolean): readonly StepView[] {
  const done = record.ending?.outcome === 'done';
  return rollout.plan.steps.map((step, index) => {
    const state =
      done && over
        ? 'done'
        : index < rollout.stepIndex
          ? 'done'
          : index === rollout.stepIndex && !over
            ? 'now'
            : 'todo';
    const seconds = state === 'now' ? judgedSeconds(rollout, record) : null;
    return { kind: step.kind, label: stepWords(step), state, seconds, atLeastSeconds: leastSeconds(step) };
  });
}

function stepWords(step: Step): string {
  switch (step.kind) {
    case 'mirror':
      return `mirror ${step.percent}%`;
    case 'share':
      return `${step.percent}%`;
    case 'full':
      return '100%';
    case 'approval':
      return 'approval';
    case 'watch':
      return `watch ${formatDuration(step.forMs)}`;
    case 'start':
    case 'ready':
    case 'verify':
    case 'header-only':
    case 'ask':
      return step.kind;
  }
}

function leastSeconds(step: Step): number | null {
  if (step.kind === 'share' || isEarly(step)) return step.atLeastMs / 1000;
  return step.kind === 'watch' ? step.forMs / 1000 : null;
}

function nextOf(rollout: Rollout): string | null {
  const step = stepOf(rollout);
  const next = rollout.plan.steps[rollout.stepIndex + 1];
  const words = next === undefined ? 'done' : stepWords(next);
  if (step?.kind === 'share' || isEarly(step)) {
    const undecided = { advance: 'goes on', ask: 'asks a person', rollback: 'goes back' }[
      rollout.plan.whenUnsure.then
    ];
    const [least, most] = [step.atLeastMs, step.atMostMs].map(formatDuration);
    const good =
      step.kind === 'header-only' ? 'enough chose it and nothing is against it' : 'surely not worse';
    return `${words} once ${good}, after ${least} at least; undecided at ${most}: ${undecided}`;
  }
  return step?.kind === 'watch' ? `done after ${formatDuration(step.forMs)}` : words;
}

function round(percent: number): number {
  return Math.round(percent * 1000) / 1000;
}
