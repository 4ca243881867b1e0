import { formatDuration } from '../lib/duration.ts';
import type { KayentaCheck, KayentaRule, LimitsRule, OtherJudge } from './judge-rules.ts';
import { formatPercent } from './units.ts';

/** `use:` with everything written out. */
export function expandJudgeUse(rule: OtherJudge): Record<string, unknown> {
  return rule.use === 'limits' ? { limits: expandLimits(rule) } : { kayenta: expandKayenta(rule) };
}

/** `limits error-rate ≤ 1%, 4 failures allowed`, for a plan. */
export function describeJudgeUse(rule: OtherJudge): string {
  if (rule.use === 'kayenta') {
    const names = rule.metrics.map((metric) => metric.measure).join(', ');
    return `by Kayenta (${names}; score ${rule.pass} passes) every ${formatDuration(rule.judgeEveryMs)}`;
  }
  const limits = rule.limits.flatMap(({ measure, max, min }) => [
    ...(max === null ? [] : [`${measure} ≤ ${limitText(measure, max)}`]),
    ...(min === null ? [] : [`${measure} ≥ ${limitText(measure, min)}`]),
  ]);
  return `by limits (${limits.join(', ')}; ${rule.failureLimit} failures allowed) every ${formatDuration(rule.everyMs)}`;
}

function expandLimits(rule: LimitsRule): Record<string, unknown> {
  const side = (name: 'max' | 'min'): Record<string, unknown> => {
    const given = rule.limits.flatMap((limit) => {
      const value = limit[name];
      return value === null ? [] : [[limit.measure, limitText(limit.measure, value)] as const];
    });
    return given.length === 0 ? {} : { [name]: Object.fromEntries(given) };
  };
  return {
    interval: formatDuration(rule.everyMs),
    'failure-limit': rule.failureLimit,
    'no-data': rule.noData,
    ...side('max'),
    ...side('min'),
  };
}

function limitText(measure: string, value: number): string | number {
  if (measure === 'error-rate' || measure === 'client-error-rate') return formatPercent(value);
  return /^p\d/u.test(measure) ? formatDuration(value) : value;
}

function expandKayenta(rule: KayentaRule): Record<string, unknown> {
  return {
    step: formatDuration(rule.everyMs),
    interval: formatDuration(rule.judgeEveryMs),
    ...(rule.lookbackMs !== null && { lookback: formatDuration(rule.lookbackMs) }),
    pass: rule.pass,
    marginal: rule.marginal,
    ...(Object.keys(rule.groups).length > 0 && { groups: rule.groups }),
    metrics: Object.fromEntries(rule.metrics.map((metric) => [metric.measure, expandMetric(metric)])),
  };
}

function expandMetric(metric: KayentaCheck): Record<string, unknown> {
  return {
    group: metric.group,
    direction: metric.direction,
    critical: metric.critical,
    'must-have-data': metric.mustHaveData,
    nan: metric.nan,
    outliers: metric.outliers,
    'outlier-factor': metric.outlierFactor,
    effect: metric.effect,
    'allowed-increase': metric.allowedIncrease,
    'allowed-decrease': metric.allowedDecrease,
    'critical-increase': metric.criticalIncrease,
    'critical-decrease': metric.criticalDecrease,
  };
}
