import type { KayentaCheck } from '../../release/judge-rules.ts';
import { normalQuantile } from '../normal.ts';
import { mean } from './cleaning.ts';
import { commonLanguageEffect, mannWhitneyShift, type Shift } from './mann-whitney.ts';

/**
 * One metric as Kayenta's NetflixACAJudge-v1.0 classifies it: the first rule that matches, in its order.
 * Golden values: test/vectors/kayenta-vectors.json, group classifier.
 */
export type Classified = {
  readonly label: KayentaLabel;
  /** Fails the whole judgement unless it is `Pass`. */
  readonly critical: boolean;
  /** The candidate's mean over stable's; null where one of them is 0 or missing. */
  readonly ratio: number | null;
  readonly shift: Shift | null;
};

export type KayentaLabel = 'Pass' | 'High' | 'Low' | 'Nodata' | 'NodataFailMetric' | 'Error';

/** Not to be configured in the original either, though it reads properties of these names. */
export const KAYENTA_TEST = { tolerance: 0.25, confidence: 0.98 } as const;

/** Relative noise that keeps two constant series from having no ranks at all. */
const TIE_NOISE = 1e-5;

export function classify(
  experiment: readonly number[],
  control: readonly number[],
  check: KayentaCheck,
  test: { readonly tolerance: number; readonly confidence: number } = KAYENTA_TEST,
): Classified {
  const empty = experiment.length === 0 || control.length === 0;
  if (empty) return withoutData(check);
  const same: Classified = { label: 'Pass', critical: false, ratio: 1, shift: null };
  if (sameValues(experiment, control) || new Set([...experiment, ...control]).size === 1) return same;
  const tied = isConstant(experiment) && isConstant(control);
  const [x, y] = tied ? [untied(experiment), untied(control)] : [experiment, control];
  const shift = mannWhitneyShift(x, y, test.confidence);
  const ratio = meanRatio(x, y);
  if (shift === null) return { label: 'Error', critical: false, ratio, shift };
  const effect = check.effect === 'cles' ? commonLanguageEffect(x, y) : ratio;
  const label = labelOf(shift, effect, check, test.tolerance * Math.abs(shift.estimate));
  return { label, critical: isCritical(label, effect, check), ratio, shift };
}

function withoutData(check: KayentaCheck): Classified {
  if (check.nan === 'replace') return { label: 'Pass', critical: false, ratio: 1, shift: null };
  const label = check.mustHaveData && !check.critical ? 'NodataFailMetric' : 'Nodata';
  return { label, critical: check.critical, ratio: 1, shift: null };
}

function labelOf(
  shift: Shift,
  effect: number | null,
  check: KayentaCheck,
  bound: number,
): 'Pass' | 'High' | 'Low' {
  const enough = (test: (effect: number) => boolean): boolean => effect === null || test(effect);
  const up = check.direction !== 'decrease' && shift.low > bound;
  if (up && enough((one) => one >= check.allowedIncrease)) return 'High';
  const down = check.direction !== 'increase' && shift.high < -bound;
  if (down && enough((one) => one <= check.allowedDecrease)) return 'Low';
  return 'Pass';
}

function isCritical(label: KayentaLabel, effect: number | null, check: KayentaCheck): boolean {
  if (!check.critical) return false;
  if (effect === null) return true;
  if (label === 'High') return effect >= check.criticalIncrease;
  return label === 'Low' && effect <= check.criticalDecrease;
}

function meanRatio(x: readonly number[], y: readonly number[]): number | null {
  const [mine, theirs] = [mean(x), mean(y)];
  return mine === 0 || theirs === 0 ? null : mine / theirs;
}

function sameValues(a: readonly number[], b: readonly number[]): boolean {
  if (a.length !== b.length) return false;
  const [first, second] = [a, b].map((one) => one.toSorted((x, y) => x - y));
  return first!.every((value, i) => value === second![i]);
}

function isConstant(values: readonly number[]): boolean {
  return values.every((value) => value === values[0]);
}

/** Kayenta draws this noise at random; here it is spread evenly, so that a judgement made again is the same. */
function untied(values: readonly number[]): readonly number[] {
  return values.map((value, i) => value + TIE_NOISE * value * normalQuantile((i + 0.5) / values.length));
}
