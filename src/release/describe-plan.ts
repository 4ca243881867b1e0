import { formatDuration } from '../lib/duration.ts';
import { peopleWords, placeWords } from './approval.ts';
import { describeJudgeUse } from './expand-judge-use.ts';
import { describeMeasure } from './expand-measure.ts';
import { describeEarly } from './describe-early.ts';
import { isEarly, plannedSeconds, type Plan, type ShareStep } from './plan.ts';
import { quantileName } from './resolve-policy.ts';
import type { Check, VerifyCheck } from './service.ts';
import { formatPercent, formatPoints } from './units.ts';

/** A plan for people: the traffic first, then what is judged, then what happens when it is not clear. `first`: nothing serves yet. */
export function describePlan(plan: Plan, first = false): readonly string[] {
  const shares = plan.steps.filter((step): step is ShareStep => step.kind === 'share');
  const judged = plan.steps.filter((step) => step.kind === 'share' || isEarly(step));
  const lines = [...describeEarly(plan), describeTraffic(plan, shares)];
  const verify = plan.steps.find((step) => step.kind === 'verify');
  if (verify !== undefined) lines.unshift(describeVerify(verify.checks));
  for (const step of plan.steps) {
    if (step.kind !== 'approval') continue;
    const deadline = formatDuration(plan.askDeadlineMs);
    lines.push(
      `approved ${placeWords(step.before)} by ${peopleWords(step)}, never by who starts it, within ${deadline}: bascule approve`,
    );
  }
  if (plan.steps.some((step) => step.kind === 'ask')) {
    lines.push(
      `a person is asked before 100%, for at most ${formatDuration(plan.askDeadlineMs)}: bascule promote`,
    );
  }
  if (judged.length > 0) lines.push(...describeJudging(plan, judged[0]!.atMostMs));
  const watch = plan.steps.find((step) => step.kind === 'watch');
  if (watch !== undefined)
    lines.push(`watched ${formatDuration(watch.forMs)} after 100%, going back by itself on a breach`);
  if (plan.keepOldMs > 0 && !first)
    lines.push(`the former version stays warm for ${formatDuration(plan.keepOldMs)} after the end`);
  return lines;
}

/** `verified before any traffic: GET /checkout, ./smoke.sh`. */
function describeVerify(checks: readonly VerifyCheck[]): string {
  return `verified before any traffic: ${checks.map(checkName).join(', ')}`;
}

/** `GET /checkout`, `./smoke.sh`: how people know a check. */
export function checkName(check: VerifyCheck): string {
  return check.kind === 'http' ? `${check.method} ${check.path}` : check.command.trim().split('\n')[0]!;
}

/** `5% → 25% → 50% → 100%, ≥1m each, ≥10m at 50%, earliest end in 17m`. */
function describeTraffic(plan: Plan, shares: readonly ShareStep[]): string {
  const route = [...shares.map((step) => formatPercent(step.percent)), '100%'].join(' → ');
  const end = `earliest end in ${formatDuration(plannedSeconds(plan) * 1000)}`;
  if (shares.length === 0) {
    if (plan.steps.some(isEarly)) return `then all traffic in one switch, ${end}`;
    const now = plannedSeconds(plan) === 0 ? 'at once' : `at once, ${end}`;
    return `all traffic in one switch as soon as it is ready, ${now}`;
  }
  const first = shares[0]!;
  const last = shares.at(-1)!;
  const each =
    shares.length === 1 ? `≥${formatDuration(first.atLeastMs)}` : `≥${formatDuration(first.atLeastMs)} each`;
  const bake =
    shares.length > 1 && last.atLeastMs !== first.atLeastMs
      ? `, ≥${formatDuration(last.atLeastMs)} at ${formatPercent(last.percent)}`
      : '';
  return `${route}, ${each}${bake}, ${end}`;
}

function describeJudging(plan: Plan, atMostMs: number): readonly string[] {
  const { rule } = plan.judge;
  const checks =
    rule !== undefined
      ? describeJudgeUse(rule)
      : plan.judge.checks.length === 0
        ? 'errors and response times, default margins'
        : plan.judge.checks.map(describeCheck).join(', ');
  const measures = (plan.judge.measures ?? []).map((one) => `, ${describeMeasure(one)}`).join('');
  const worse = plan.whenWorse === 'rollback' ? 'worse: back at once' : 'worse: pause';
  const { waitMs, then } = plan.whenUnsure;
  const wait = waitMs === 0 ? '' : `wait ${formatDuration(waitMs)}, then `;
  const verb = { advance: 'go on', ask: 'ask a person', rollback: 'go back' }[then];
  const most = formatDuration(atMostMs);
  return [`judge ${checks}${measures}; ${worse}`, `undecided after ${most}: ${wait}${verb}`];
}

/** `p95 +20%`, `error-rate +0.5pp`. */
export function describeCheck(check: Check): string {
  return check.kind === 'latency'
    ? `${quantileName(check.quantile)} +${formatPercent(check.worseByPercent)}`
    : `${check.kind} +${formatPoints(check.worseByPp)}`;
}
