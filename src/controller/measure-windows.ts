import type { Measure, SourceKind } from '../release/measure.ts';
import type { StageSpan } from '../rollout/state.ts';

/** One window of a measure, in whole seconds, both included; within one share. */
export type Due = {
  readonly span: StageSpan;
  readonly fromSecond: number;
  readonly toSecond: number;
};

/** Sources that can be asked about the past. Others are asked when a window ends, or never. */
const REMEMBERS: ReadonlySet<SourceKind> = new Set([
  'prometheus',
  'datadog',
  'cloudwatch',
  'newrelic',
  'graphite',
  'influxdb',
]);
/** Windows that are caught up with after a pause of the controller; those before them are nobody's any more. */
const MOST_BEHIND = 10;

/**
 * The next window of a measure that is complete at its source, or null. `after` is the last second that it was asked about.
 * Windows begin with a share and follow one another; what is left at its end is too short for one.
 */
export function nextWindow(
  measure: Pick<Measure, 'source' | 'intervalMs' | 'delayMs' | 'limit'>,
  spans: readonly StageSpan[],
  { after, nowMs }: { readonly after: number | null; readonly nowMs: number },
): Due | null {
  const due = spans
    .filter((span) => isMeasured(measure, span))
    .flatMap((span) => windowsOf(measure, span, { after, nowMs }));
  const behind = REMEMBERS.has(measure.source) ? MOST_BEHIND : 1;
  return due.slice(-behind)[0] ?? null;
}

/** Against stable there is something to compare only while both serve; a number holds at 100 % too. */
function isMeasured({ limit }: Pick<Measure, 'limit'>, { sharePercent }: StageSpan): boolean {
  return sharePercent > 0 && (sharePercent < 100 || limit.against !== 'stable');
}

/** The newest complete ones of a share: no more than are ever asked for. */
function windowsOf(
  { intervalMs, delayMs }: Pick<Measure, 'intervalMs' | 'delayMs'>,
  span: StageSpan,
  { after, nowMs }: { readonly after: number | null; readonly nowMs: number },
): readonly Due[] {
  const length = windowSeconds(intervalMs);
  const completeBefore = Math.floor((nowMs - delayMs) / 1000);
  const end = Math.min(completeBefore - 1, span.toSecond ?? Number.POSITIVE_INFINITY);
  const complete = Math.floor((end + 1 - span.fromSecond) / length);
  const windows: Due[] = [];
  for (let k = Math.max(0, complete - MOST_BEHIND); k < complete; k += 1) {
    const fromSecond = span.fromSecond + k * length;
    if (after === null || fromSecond > after)
      windows.push({ span, fromSecond, toSecond: fromSecond + length - 1 });
  }
  return windows;
}

/** Counts are kept by the second, so that a window is a whole number of them. */
export function windowSeconds(intervalMs: number): number {
  return Math.max(1, Math.round(intervalMs / 1000));
}
