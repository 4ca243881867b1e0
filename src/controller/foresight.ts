import { checksOf, type JudgedCheck } from '../judge/checks.ts';
import {
  foresee,
  secondsToSafe,
  smallestFound,
  type Fault,
  type ForeseenStep,
  type Setting,
} from '../judge/foresee.ts';
import { formatDuration } from '../lib/duration.ts';
import type { Plan, ShareStep } from '../release/plan.ts';
import type { ProxySpec } from '../release/service.ts';
import type { ForeseenCheck, ForeseenFault, ForeseenStepView, ForesightView } from './foresight-view.ts';
import { PAST_HOURS, type KnownPast } from './past-traffic.ts';

/** Attempts that the severe rule looks at. */
const SEVERE_ATTEMPTS = 20;
/** A limit this many times over must be found, or there is something to advise. */
const WORTH_FINDING = 4;
const FAULTS: readonly (readonly [string, Fault])[] = [
  ['every request fails', { kind: 'errors', add: 1 }],
  ['half of them fail', { kind: 'errors', add: 0.5 }],
  ['+5pp errors', { kind: 'errors', add: 0.05 }],
  ['+1pp errors', { kind: 'errors', add: 0.01 }],
  ['+0.1pp errors', { kind: 'errors', add: 0.001 }],
  ['three times as slow', { kind: 'slow', times: 3 }],
  ['half as slow again', { kind: 'slow', times: 1.5 }],
];

export function foresightOf(
  plan: Plan,
  past: KnownPast | null,
  proxy: { readonly spec: ProxySpec; readonly headTimeoutMs: number | null },
): ForesightView {
  const steps = plan.steps.filter((step): step is ShareStep => step.kind === 'share');
  const unit = plan.sticky.by === 'none' ? 'request' : 'identity';
  const setting = past === null ? null : settingOf(plan, past);
  const views = setting === null ? [] : steps.map((step) => stepView(setting, step));
  return {
    traffic:
      past === null
        ? null
        : {
            hours: Math.min(PAST_HOURS, past.seconds / 3600),
            perSecond: past.perSecond,
            unit,
            bestCase: past.bestCase,
            errorPercent: 100 * past.errorRate,
          },
    steps: views,
    faults:
      setting === null || steps.length === 0
        ? []
        : FAULTS.map(([words, fault]) => faultView(setting, steps, words, fault)),
    hanging: hangingOf(proxy, steps[0], past),
    advice: setting === null ? [] : adviceOf(setting, plan, views),
  };
}

function settingOf({ judge }: Plan, past: KnownPast): Setting {
  return { checks: checksOf(judge), past, warmUpSeconds: Math.ceil(judge.warmUpMs / 1000) };
}

function stepView(setting: Setting, step: ShareStep): ForeseenStepView {
  const { sharePercent, atLeastSeconds, atMostSeconds } = stepOf(step);
  return {
    sharePercent,
    atLeastSeconds,
    atMostSeconds,
    candidatePerMinute: 60 * setting.past.perSecond * (sharePercent / 100),
    checks: setting.checks
      .filter((check) => check.required)
      .flatMap((check) => checkView(setting, check, step)),
  };
}

/** What cannot be told in advance, such as a measure from elsewhere, has no line. */
function checkView(setting: Setting, check: JudgedCheck, step: ShareStep): readonly ForeseenCheck[] {
  if (check.kind !== 'rate' && check.kind !== 'line') return [];
  const { sharePercent, atLeastSeconds, atMostSeconds } = stepOf(step);
  const alone = { ...setting, checks: [check] };
  const found = (seconds: number): number | null =>
    amountOf(smallestFound(alone, { sharePercent, seconds }, kindOf(check)));
  const safe = secondsToSafe(setting, check, sharePercent);
  return [
    {
      name: check.name,
      unit: check.kind === 'rate' ? 'pp' : '%',
      foundAtLeast: found(atLeastSeconds),
      foundAtMost: found(atMostSeconds),
      safeAfterSeconds: safe !== null && safe <= atMostSeconds ? safe : null,
    },
  ];
}

function kindOf(check: JudgedCheck): Fault['kind'] {
  if (check.kind !== 'rate') return 'slow';
  return check.signal === 'failed' ? 'errors' : 'client-errors';
}

/** In points of a hundred, or in percent more. */
function amountOf(fault: Fault | null): number | null {
  if (fault === null) return null;
  return fault.kind === 'slow' ? 100 * (fault.times - 1) : 100 * fault.add;
}

function stepOf(step: ShareStep): ForeseenStep {
  return {
    sharePercent: step.percent,
    atLeastSeconds: step.atLeastMs / 1000,
    atMostSeconds: step.atMostMs / 1000,
  };
}

function faultView(
  setting: Setting,
  steps: readonly ShareStep[],
  words: string,
  fault: Fault,
): ForeseenFault {
  const found = foresee(setting, steps.map(stepOf), fault);
  return {
    fault: words,
    foundAfterSeconds: found?.seconds ?? null,
    sharePercent: found === null ? null : steps[found.stepIndex]!.percent,
    hit: found === null ? null : Math.round(found.hit),
  };
}

/** A request that nobody answers is nothing until the proxy gives up on it: then all that came meanwhile fail at once. */
function hangingOf(
  { spec, headTimeoutMs }: { readonly spec: ProxySpec; readonly headTimeoutMs: number | null },
  first: ShareStep | undefined,
  past: KnownPast | null,
): ForesightView['hanging'] {
  const silenceMs = silenceOf(spec) ?? headTimeoutMs ?? 0;
  const perSecond = past === null ? 0 : past.perSecond * ((first?.percent ?? 100) / 100);
  return {
    proxy: spec.kind,
    silenceSeconds: silenceMs / 1000,
    foundAfterSeconds: perSecond > 0 ? Math.ceil(silenceMs / 1000 + SEVERE_ATTEMPTS / perSecond) : null,
  };
}

/** As the file has it, or null. */
function silenceOf(spec: ProxySpec): number | null {
  return spec.kind === 'builtin' ? (spec.timeouts?.responseHeadMs ?? null) : spec.readTimeoutMs;
}

/** What would make it see more where it sees little. */
function adviceOf(setting: Setting, plan: Plan, steps: readonly ForeseenStepView[]): readonly string[] {
  if (steps.length === 0) return tryAdvice(setting);
  return setting.checks.flatMap((check) => {
    const target = targetOf(check);
    if (target === null) return [];
    const best = steps.map(
      (step) => step.checks.find(({ name }) => name === check.name)?.foundAtMost ?? null,
    );
    if (best.some((found) => found !== null && found <= target)) return [];
    return [longerOrLarger(setting, check, { target, step: steps.at(-1)! })];
  });
}

/** Several times the limit of a check, in its own unit; null for one without a limit worth the name. */
function targetOf(check: JudgedCheck): number | null {
  if (!check.required) return null;
  if (check.kind === 'rate') return Math.max(1, WORTH_FINDING * 100 * check.harm.add);
  return check.kind === 'line' ? WORTH_FINDING * check.harmPercent : null;
}

/** Seconds: a minute to a day. */
const LONGER = [60, 120, 300, 600, 1200, 1800, 3600, 7200, 14_400, 43_200, 86_400];
const LARGER = [25, 50];

function longerOrLarger(
  setting: Setting,
  check: JudgedCheck,
  { target, step }: { readonly target: number; readonly step: ForeseenStepView },
): string {
  const alone = { ...setting, checks: [check] };
  const finds = (sharePercent: number, seconds: number): boolean =>
    (amountOf(smallestFound(alone, { sharePercent, seconds }, kindOf(check))) ?? Infinity) <= target;
  const size = check.kind === 'rate' ? `+${target}pp` : `+${target}%`;
  const share = LARGER.find((one) => one > step.sharePercent && finds(one, step.atMostSeconds));
  if (share !== undefined)
    return `no step finds ${check.name} ${size}: a step of ${share}% would, within its dwell`;
  const seconds = LONGER.find((one) => one > step.atMostSeconds && finds(step.sharePercent, one));
  if (seconds === undefined)
    return `no step finds ${check.name} ${size}, nor would a day at ${step.sharePercent}%: there is too little traffic`;
  const dwell = formatDuration(seconds * 1000);
  return `no step finds ${check.name} ${size}: a dwell of at most ${dwell} at ${step.sharePercent}% would`;
}

const TRY = { sharePercent: 10, seconds: 300 };

/** A switch at once compares nothing at the same time. */
function tryAdvice(setting: Setting): readonly string[] {
  const fault = smallestFound(setting, TRY, 'errors');
  const found =
    fault === null ? 'still little at this traffic' : `+${round(amountOf(fault)!)}pp errors and more`;
  return [`nothing is compared before the switch; "try: 10% for 5m" would find ${found}`];
}

function round(value: number): number {
  return Number(value.toPrecision(2));
}
