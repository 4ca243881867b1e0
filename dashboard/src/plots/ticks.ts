const STEPS_MS = [
  1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10_800, 21_600, 43_200, 86_400,
].map((seconds) => seconds * 1000);

/** Round moments in a span, at most so many. */
export function timeTicks([fromMs, toMs]: readonly [number, number], most: number): readonly number[] {
  const step = STEPS_MS.find((one) => (toMs - fromMs) / one <= most) ?? STEPS_MS.at(-1)!;
  const first = Math.ceil(fromMs / step) * step;
  const count = Math.max(0, Math.floor((toMs - first) / step) + 1);
  return Array.from({ length: Math.min(count, most + 1) }, (_none, index) => first + index * step);
}

export function tickWords(atMs: number, [fromMs, toMs]: readonly [number, number]): string {
  const isShort = toMs - fromMs < 300_000;
  return new Intl.DateTimeFormat('en-GB', {
    hour: '2-digit',
    minute: '2-digit',
    ...(isShort && { second: '2-digit' }),
  }).format(atMs);
}

/** The point nearest to a moment. Points are in order. */
export function nearest<T extends { readonly atMs: number }>(points: readonly T[], atMs: number): T | null {
  let [low, high] = [0, points.length - 1];
  if (high < 0) return null;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (points[middle]!.atMs < atMs) low = middle + 1;
    else high = middle;
  }
  const [before, after] = [points[low - 1], points[low]!];
  return before !== undefined && atMs - before.atMs < after.atMs - atMs ? before : after;
}
