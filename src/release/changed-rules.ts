import { OperatingError } from '../lib/errors.ts';
import type { Plan, ShareStep, Step } from './plan.ts';
import { printable } from './problem.ts';
import { readConfig } from './read.ts';
import type { Check, Policy } from './service.ts';

/** Settings of a strategy that a recorded rollout can be judged by anew; every other name is a check's. */
const SETTINGS = new Set([
  'dwell',
  'dwell.at-least',
  'dwell.at-most',
  'bake',
  'warm-up',
  'when-worse',
  'when-unsure',
]);
const OFF = 'off';

/** The recorded steps under a policy: shares are what they were, all else is as the policy says. */
export function underPolicy(plan: Plan, policy: Policy): Plan {
  const last = plan.steps.findLastIndex((step) => step.kind === 'share');
  const steps = plan.steps.map((step, index): Step => {
    if (step.kind !== 'share') return step;
    const bakeMs = index === last ? policy.bakeMs : 0;
    return { ...step, ...dwellOf(policy.dwell, bakeMs), bake: bakeMs > 0 };
  });
  return {
    ...plan,
    steps,
    judge: policy.judge,
    whenWorse: policy.whenWorse,
    whenUnsure: policy.whenUnsure,
  };
}

/**
 * A plan with some of its rules changed: `error-rate=2pp`, `p95=30%`, `p99=off`, `dwell=2m`, written as in a file.
 * Error: RULES_WRONG, with what is wrong about which.
 */
export function withChanges(plan: Plan, changes: readonly string[]): Plan {
  return changes.reduce((changed, change) => withChange(changed, change), plan);
}

function withChange(plan: Plan, change: string): Plan {
  const at = change.indexOf('=');
  const [name, value] = [change.slice(0, at).trim(), change.slice(at + 1).trim()];
  if (at < 1 || value === '') throw wrong(change, 'a change is NAME=VALUE, such as error-rate=2pp');
  if (!SETTINGS.has(name)) return withCheck(plan, name, value, change);
  const policy = readStrategy(blockOf(name, value), change);
  switch (name) {
    case 'warm-up':
      return { ...plan, judge: { ...plan.judge, warmUpMs: policy.judge.warmUpMs } };
    case 'when-worse':
      return { ...plan, whenWorse: policy.whenWorse };
    case 'when-unsure':
      return { ...plan, whenUnsure: { ...plan.whenUnsure, then: policy.whenUnsure.then } };
    case 'bake':
      return withBake(plan, policy.bakeMs);
    default:
      return withSteps(plan, (step) => changedDwell(step, name, policy.dwell));
  }
}

function blockOf(name: string, value: string): Readonly<Record<string, unknown>> {
  const [outer, inner] = name.split('.');
  return inner === undefined ? { [outer!]: value } : { [outer!]: { [inner]: value } };
}

/** One duration alone sets at-least, as in a file; at-most is never below it, and the bake of the last step stays. */
function changedDwell(step: ShareStep, name: string, dwell: Policy['dwell']): Partial<ShareStep> {
  if (name === 'dwell.at-most') {
    const least = step.bake ? step.atLeastMs : Math.min(step.atLeastMs, dwell.atMostMs);
    return { atLeastMs: least, atMostMs: Math.max(least, dwell.atMostMs) };
  }
  const least = step.bake ? Math.max(step.atLeastMs, dwell.atLeastMs) : dwell.atLeastMs;
  return { atLeastMs: least, atMostMs: Math.max(step.atMostMs, least) };
}

/** Of the last step; what its dwell is without one, the steps before it say. */
function withBake(plan: Plan, bakeMs: number): Plan {
  const first = plan.steps.find((step): step is ShareStep => step.kind === 'share');
  return withSteps(plan, (step, isLast) =>
    isLast ? { ...dwellOf(first ?? step, bakeMs), bake: bakeMs > 0 } : step,
  );
}

function dwellOf(dwell: Policy['dwell'], bakeMs: number): Policy['dwell'] {
  const atLeastMs = Math.max(dwell.atLeastMs, bakeMs);
  return { atLeastMs, atMostMs: Math.max(dwell.atMostMs, atLeastMs) };
}

function withSteps(plan: Plan, change: (step: ShareStep, isLast: boolean) => Partial<ShareStep>): Plan {
  const last = plan.steps.findLastIndex((step) => step.kind === 'share');
  const steps = plan.steps.map((step, index): Step =>
    step.kind === 'share' ? { ...step, ...change(step, index === last) } : step,
  );
  return { ...plan, steps };
}

function withCheck(plan: Plan, name: string, value: string, change: string): Plan {
  const block = { judge: { [name]: value === OFF ? {} : { 'worse-by': value } } };
  const [check] = readStrategy(block, change).judge.checks;
  if (check === undefined) throw wrong(change, 'this is no check that has a limit');
  const others = plan.judge.checks.filter((one) => identityOf(one) !== identityOf(check));
  if (value !== OFF) return withChecks(plan, [...others, check]);
  if (others.length === plan.judge.checks.length) throw wrong(change, `${name} is not among the checks`);
  return withChecks(plan, others);
}

function withChecks(plan: Plan, checks: readonly Check[]): Plan {
  return { ...plan, judge: { ...plan.judge, checks } };
}

/** What makes two checks the same one, whatever their limits. */
function identityOf(check: Check): string {
  return check.kind === 'latency' ? `${check.kind} ${check.quantile}` : check.kind;
}

/** The value is read by the very rules of a file. */
function readStrategy(block: Readonly<Record<string, unknown>>, change: string): Policy {
  const read = readConfig({
    version: 1,
    services: { service: { run: 'true', listen: 8080, strategy: { canary: block } } },
  });
  if (read.ok) return read.config.services['service']!.policy;
  const { message, fix } = read.problems[0]!;
  throw wrong(change, fix === null ? message : `${message}; ${fix}`);
}

function wrong(change: string, why: string): OperatingError {
  return new OperatingError('RULES_WRONG', `"${printable(change)}": ${why}. Nothing was judged.`, {
    retryable: false,
  });
}
