import type { KayentaCheck, KayentaRule, Limit, LimitsRule, OtherJudge } from './judge-rules.ts';
import type { Path, Problem } from './problem.ts';
import type { JudgeUseInput, KayentaInput, LimitsInput, MetricInput } from './schema-judge-use.ts';
import { parsePercent } from './units.ts';
import { measure } from './values.ts';

const RATES: ReadonlySet<string> = new Set(['error-rate', 'client-error-rate']);
const QUANTILE = /^p\d/u;
const DEFAULT_METRICS: Readonly<Record<string, MetricInput>> = { 'error-rate': {}, p99: {} };
const DEFAULT_OUTLIER_FACTOR = 3;

type At = {
  readonly path: Path;
  /** Measures that stand under `judge`. */
  readonly measures: readonly string[];
  /** Checks with margins that stand there too. */
  readonly margins: readonly string[];
  readonly problems: Problem[];
};

/** What decides in place of the bets, or null for the bets. */
export function resolveJudgeUse(input: JudgeUseInput | undefined, at: At): OtherJudge | null {
  if (input === undefined || input === 'bets') return null;
  const block = input === 'kayenta' ? { kayenta: {} } : input;
  for (const name of at.margins) {
    at.problems.push({
      code: 'E072',
      path: [...at.path.slice(0, -1), name],
      at: 'key',
      message: `${name} has a margin, and another judge decides`,
      note: 'never used',
      fix: null,
    });
  }
  const { limits, kayenta } = block as { limits?: LimitsInput; kayenta?: KayentaInput };
  if ((limits === undefined) === (kayenta === undefined)) {
    const note = limits === undefined ? 'none is written' : 'two are written';
    at.problems.push({
      code: 'E075',
      path: at.path,
      at: 'key',
      message: 'one judge decides',
      note,
      fix: null,
    });
  }
  if (limits !== undefined) return limitsOf(limits, at);
  return kayenta === undefined ? null : kayentaOf(kayenta, at);
}

function limitsOf(input: LimitsInput, at: At): LimitsRule {
  const bounds = { max: input.max ?? {}, min: input.min ?? {} };
  const names = [...new Set([...Object.keys(bounds.max), ...Object.keys(bounds.min)])];
  const limits = names.map((name): Limit => {
    const of = (side: 'max' | 'min'): number | null => {
      const value = bounds[side][name];
      return value === undefined
        ? null
        : limitIn(name, value, { ...at, path: [...at.path, 'limits', side, name] });
    };
    return { measure: name, max: of('max'), min: of('min') };
  });
  if (limits.length === 0) {
    const message = 'fixed limits need at least one limit';
    at.problems.push({
      code: 'E073',
      path: at.path,
      at: 'key',
      message,
      note: 'every rollout would pass',
      fix: null,
    });
  }
  return {
    use: 'limits',
    everyMs: measure(input.interval, 'duration') ?? 60_000,
    failureLimit: input['failure-limit'] ?? 0,
    noData: input['no-data'] ?? 'fail',
    limits,
  };
}

/** In percent, milliseconds, or as it stands. */
function limitIn(name: string, value: number | string, at: At): number {
  isKnown(name, at);
  const wants = RATES.has(name)
    ? 'a percentage such as 1%'
    : QUANTILE.test(name)
      ? 'a duration such as 500ms'
      : 'a number';
  const found = RATES.has(name)
    ? parsePercent(String(value))
    : QUANTILE.test(name)
      ? measure(value, 'duration')
      : value;
  if (typeof found === 'number') return found;
  at.problems.push({
    code: 'E070',
    path: at.path,
    at: 'value',
    message: `the limit of ${name} must be ${wants}`,
    note: `not ${wants}`,
    fix: null,
  });
  return 0;
}

function isKnown(name: string, at: At): void {
  if (RATES.has(name) || /^p(50|75|90|95|99|99\.9)$/u.test(name) || at.measures.includes(name)) return;
  at.problems.push({
    code: 'E071',
    path: at.path,
    at: 'key',
    message: `nothing is measured as ${name}`,
    note: 'neither a check of the proxy nor a measure under judge',
    fix: null,
  });
}

function kayentaOf(input: KayentaInput, at: At): KayentaRule {
  const metrics = Object.entries(input.metrics ?? DEFAULT_METRICS);
  for (const [name] of metrics) isKnown(name, { ...at, path: [...at.path, 'kayenta', 'metrics', name] });
  const [pass, marginal] = [input.pass ?? 95, input.marginal ?? 75];
  const groups = input.groups ?? {};
  const spent = Object.values(groups).reduce((sum, weight) => sum + weight, 0);
  if (marginal >= pass || spent > 100) {
    const note = spent > 100 ? `the weights are ${spent} together` : `marginal ${marginal}, pass ${pass}`;
    const message = spent > 100 ? 'weights of groups are parts of 100' : 'marginal must be below pass';
    at.problems.push({ code: 'E074', path: [...at.path, 'kayenta'], at: 'key', message, note, fix: null });
  }
  return {
    use: 'kayenta',
    everyMs: measure(input.step, 'duration') ?? 60_000,
    judgeEveryMs: measure(input.interval, 'duration') ?? 300_000,
    lookbackMs: measure(input.lookback, 'duration') ?? null,
    pass,
    marginal,
    groups,
    metrics: metrics.map(([name, metric]) => metricOf(name, metric)),
  };
}

function metricOf(name: string, input: MetricInput): KayentaCheck {
  const effect = input.effect ?? 'mean-ratio';
  const none = effect === 'cles' ? 0.5 : 1;
  const isOfProxy = RATES.has(name) || QUANTILE.test(name);
  return {
    measure: name,
    group: input.group ?? name,
    direction: input.direction ?? (isOfProxy ? 'increase' : 'either'),
    critical: input.critical ?? false,
    mustHaveData: input['must-have-data'] ?? false,
    nan: input.nan ?? 'remove',
    outliers: input.outliers ?? 'keep',
    outlierFactor: input['outlier-factor'] ?? DEFAULT_OUTLIER_FACTOR,
    effect,
    allowedIncrease: input['allowed-increase'] ?? none,
    allowedDecrease: input['allowed-decrease'] ?? none,
    criticalIncrease: input['critical-increase'] ?? none,
    criticalDecrease: input['critical-decrease'] ?? none,
  };
}
