/** What Kayenta does to each side's points before it compares them. */
export type Cleaning = {
  /** Points without a value: left out, or taken for 0. */
  readonly nan: 'remove' | 'replace';
  readonly outliers: 'keep' | 'remove';
  /** Quartile ranges beyond the quartiles from which a point is an outlier. */
  readonly outlierFactor: number;
};

export function cleaned(points: readonly (number | null)[], cleaning: Cleaning): readonly number[] {
  const values =
    cleaning.nan === 'remove'
      ? points.filter((point): point is number => point !== null)
      : points.map((point) => point ?? 0);
  if (cleaning.outliers === 'keep') return values;
  const isOutlier = outlierTest(values, { factor: cleaning.outlierFactor, reduceSensitivity: true });
  return values.filter((value) => !isOutlier(value));
}

/** By the quartiles; with `reduceSensitivity` nothing between the 1st and the 99th percentile is one. */
export function outlierTest(
  values: readonly number[],
  by: { readonly factor: number; readonly reduceSensitivity: boolean },
): (value: number) => boolean {
  const [q1, q3] = [percentile(values, 25), percentile(values, 75)];
  const reach = by.factor * (q3 - q1);
  const low = by.reduceSensitivity ? Math.min(percentile(values, 1), q1 - reach) : q1 - reach;
  const high = by.reduceSensitivity ? Math.max(percentile(values, 99), q3 + reach) : q3 + reach;
  return (value) => value < low || value > high;
}

/** R's type 7: linear between the two nearest of the sorted values. NaN without any. */
export function percentile(values: readonly number[], percent: number): number {
  if (values.length === 0) return Number.NaN;
  const sorted = values.toSorted((a, b) => a - b);
  const at = ((sorted.length - 1) * percent) / 100;
  const low = Math.floor(at);
  const next = sorted[Math.min(sorted.length - 1, low + 1)]!;
  return sorted[low]! + (at - low) * (next - sorted[low]!);
}

export function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}
