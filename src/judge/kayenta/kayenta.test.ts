import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import type { KayentaCheck } from '../../release/judge-rules.ts';
import { normalQuantile, normalUpper } from '../normal.ts';
import { classify } from './classify.ts';
import { cleaned, mean, outlierTest, percentile } from './cleaning.ts';
import { commonLanguageEffect, mannWhitneyShift, wilcoxonDifference } from './mann-whitney.ts';
import { classOf, scoreOf, type Scored } from './score.ts';

type Case = Record<string, never> & { readonly id?: string; readonly fn?: string };
const vectors = JSON.parse(
  readFileSync(new URL('../../../test/vectors/kayenta-vectors.json', import.meta.url), 'utf8'),
) as Record<string, Case[]>;

/** The cases of a group; a group that vanished must not pass silently. */
function casesOf<T>(group: string, least: number, chosen: (one: Case) => boolean = () => true): T[] {
  const cases = vectors[group]!.filter(chosen);
  assert.ok(cases.length >= least, `group ${group} holds ${cases.length} cases`);
  return cases as unknown as T[];
}

function near(actual: number, expected: number, tolerance: number): void {
  assert.ok(
    Math.abs(actual - expected) <= tolerance * Math.max(1, Math.abs(expected)),
    `${actual} is not ${expected}`,
  );
}

test('standardized rank sums', () => {
  type Vector = {
    x: number[];
    y: number[];
    cases: { mu: number; quantile: number; value: number }[];
    computed: number[];
  };
  for (const c of casesOf<Vector>('mannWhitney', 1, ({ fn }) => fn === 'wilcoxonDiff')) {
    c.cases.forEach((at, i) => {
      const value = wilcoxonDifference(c.x, c.y, { shift: at.mu, quantile: at.quantile });
      near(value, at.value, 1e-6);
      near(value, c.computed[i]!, 1e-12);
    });
  }
});

test('confidence intervals and estimates, to where the original stops looking', () => {
  type Vector = {
    x: number[];
    y: number[];
    confLevel: number;
    expected: { ci: [number, number]; estimate: number };
    tolerance: { ci: number; estimate: number };
  };
  for (const c of casesOf<Vector>('mannWhitney', 2, ({ fn }) => fn === 'mannWhitneyUTest')) {
    const shift = mannWhitneyShift(c.x, c.y, c.confLevel)!;
    near(shift.low, c.expected.ci[0], c.tolerance.ci);
    near(shift.high, c.expected.ci[1], c.tolerance.ci);
    near(shift.estimate, c.expected.estimate, c.tolerance.estimate);
  }
});

test('every value on the way to an interval', () => {
  type Vector = {
    x: number[];
    y: number[];
    confLevel: number;
    expected: Record<string, number>;
    tolerance: number;
  };
  for (const c of casesOf<Vector>('mannWhitney', 1, ({ fn }) => fn === 'mannWhitneyIntermediates')) {
    const e = c.expected;
    const z = normalQuantile(1 - (1 - c.confLevel) / 2);
    const shift = mannWhitneyShift(c.x, c.y, c.confLevel)!;
    near(z, e['zLower']!, 1e-12);
    for (const [name, at, quantile] of [
      ['fLower1', e['muMin']!, z],
      ['fUpper1', e['muMax']!, z],
      ['fLower2', e['muMin']!, -z],
      ['fUpper2', e['muMax']!, -z],
    ] as const) {
      near(wilcoxonDifference(c.x, c.y, { shift: at, quantile }), e[name]!, c.tolerance);
    }
    assert.ok(Math.abs(shift.low - e['ciLower']!) <= c.tolerance);
    assert.ok(Math.abs(shift.high - e['ciUpper']!) <= c.tolerance);
    assert.ok(Math.abs(shift.estimate - e['estimate']!) <= c.tolerance);
  }
});

type ClassifierVector = {
  id: string;
  experiment: number[];
  control: number[];
  params: {
    tolerance: number;
    confLevel: number;
    effectSizeThresholds: [number, number];
    criticalThresholds: [number, number];
    effectSizeMeasure: 'meanRatio' | 'cles';
    direction: KayentaCheck['direction'];
    nanStrategy: KayentaCheck['nan'];
    critical: boolean;
  };
  expected: { label?: string; critical?: boolean; deviation?: string };
  computed: { label: string; ci?: [number, number]; estimate?: number; deviation: number | null };
};

function checkOf({ params }: ClassifierVector): KayentaCheck {
  return {
    measure: 'any',
    group: 'any',
    direction: params.direction,
    critical: params.critical,
    mustHaveData: false,
    nan: params.nanStrategy,
    outliers: 'keep',
    outlierFactor: 3,
    effect: params.effectSizeMeasure === 'cles' ? 'cles' : 'mean-ratio',
    allowedDecrease: params.effectSizeThresholds[0],
    allowedIncrease: params.effectSizeThresholds[1],
    criticalDecrease: params.criticalThresholds[0],
    criticalIncrease: params.criticalThresholds[1],
  };
}

test('labels of metrics', () => {
  const cases = casesOf<ClassifierVector>(
    'classifier',
    17,
    (one) => (one as { classifier?: string }).classifier === 'mannWhitney',
  );
  for (const c of cases) {
    const { tolerance, confLevel } = c.params;
    const found = classify(c.experiment, c.control, checkOf(c), { tolerance, confidence: confLevel });

    assert.equal(found.label, c.expected.label ?? c.computed.label, c.id);
    if (c.expected.critical !== undefined) assert.equal(found.critical, c.expected.critical, c.id);
    if (c.expected.deviation === 'NaN') assert.equal(found.ratio, null, c.id);
    // The noise of tied series is the original's own draw.
    if (c.computed.ci === undefined || c.id.includes('tied')) continue;
    near(found.shift!.low, c.computed.ci[0], 1e-9);
    near(found.shift!.high, c.computed.ci[1], 1e-9);
    near(found.shift!.estimate, c.computed.estimate!, 1e-9);
    if (c.computed.deviation !== null) near(found.ratio!, c.computed.deviation, 1e-9);
  }
});

test('percentiles, mean ratios and common language effects', () => {
  type Percentiles = { values: number[]; cases: { p: number; expected: number; tolerance: number }[] };
  for (const c of casesOf<Percentiles>('statistics', 3, ({ fn }) => fn === 'percentileR7')) {
    for (const at of c.cases) assert.ok(Math.abs(percentile(c.values, at.p) - at.expected) <= at.tolerance);
  }
  type Effect = { experiment: number[]; control: number[]; expected: number; tolerance: number };
  for (const c of casesOf<Effect>('statistics', 2, ({ fn }) => fn === 'cles'))
    near(commonLanguageEffect(c.experiment, c.control), c.expected, c.tolerance);
  for (const c of casesOf<Effect>('statistics', 2, ({ fn }) => fn === 'meanRatio'))
    near(mean(c.experiment) / mean(c.control), c.expected, c.tolerance);
});

test('outliers by quartiles', () => {
  type Vector = { values: number[]; factor: number; reduceSensitivity: boolean; expectedOutlier: boolean[] };
  for (const c of casesOf<Vector>('detectors', 2, ({ fn }) => fn === 'iqr')) {
    assert.deepEqual(c.values.map(outlierTest(c.values, c)), c.expectedOutlier);
  }
});

test('points without a value are left out or taken for 0', () => {
  const cleaning = { outliers: 'keep', outlierFactor: 3 } as const;
  type Vector = { values: (number | null)[]; expected: number[] };
  for (const c of casesOf<Vector>('transforms', 1, ({ fn }) => fn === 'removeNaNs'))
    assert.deepEqual(cleaned(c.values, { ...cleaning, nan: 'remove' }), c.expected);
  for (const c of casesOf<Vector>('transforms', 1, ({ fn }) => fn === 'replaceNaNs'))
    assert.deepEqual(cleaned(c.values, { ...cleaning, nan: 'replace' }), c.expected);
});

test('scores by group and weight', () => {
  type Vector = {
    id: string;
    groupWeights: Record<string, number>;
    metrics: { classification: Scored['label']; groups: string[]; critical: boolean }[];
    expectedSummaryScore: number;
  };
  for (const c of casesOf<Vector>('scoring', 7)) {
    const metrics = c.metrics.map(({ classification, groups, critical }) => ({
      label: classification,
      groups,
      critical: critical && classification !== 'Pass',
    }));
    assert.equal(scoreOf(metrics, c.groupWeights).score, c.expectedSummaryScore, c.id);
  }
  const zero = scoreOf([{ label: 'High', critical: true, groups: ['a'] }], {});
  assert.deepEqual(zero, { score: 0, zeroed: 'a critical metric is High' });
  assert.equal(scoreOf([{ label: 'NodataFailMetric', critical: false, groups: ['a'] }], {}).score, 0);
});

test('classes of scores', () => {
  type Vector = { score: number; pass: number; marginal: number; expected: string };
  for (const c of casesOf<Vector>('scoreClassification', 2))
    assert.equal(classOf(c.score, c), c.expected.toLowerCase());
  assert.equal(classOf(74.9, { pass: 95, marginal: 75 }), 'fail');
});

test('p-values of the same test agree with scipy', () => {
  const all = JSON.parse(
    readFileSync(new URL('../../../test/vectors/judge-vectors.json', import.meta.url), 'utf8'),
  ) as { mann_whitney: { cases: { x: number[]; y: number[]; U: number; p_two_sided: number }[] } };
  assert.ok(all.mann_whitney.cases.length >= 2);
  for (const { x, y, U, p_two_sided } of all.mann_whitney.cases) {
    const z = wilcoxonDifference(x, y, { shift: 0, quantile: 0 });
    near(2 * normalUpper(Math.abs(z)), p_two_sided, 1e-10);
    near(commonLanguageEffect(x, y) * x.length * y.length, U, 1e-12);
  }
});
