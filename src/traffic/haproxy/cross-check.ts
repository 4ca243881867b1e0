/** What one worker says of one backend: each request that came to it is one line of the log, once it is over. */
export type BackendTotal = {
  readonly worker: number;
  readonly backend: string;
  /** Since the worker began. */
  readonly started: number;
  readonly inFlight: number;
};

export type Difference = {
  readonly backend: string;
  /** Requests that HAProxy had and the log has not; below zero: the other way round. */
  readonly missing: number;
};

export function describeDifference({ missing }: Difference): string {
  return missing > 0
    ? `${missing} requests that HAProxy answered are not in its log`
    : `${-missing} requests more are in the log than HAProxy answered`;
}

type Span = { readonly least: number; readonly most: number };

/**
 * Holds the lines of the log against what HAProxy itself counts. Requests under way leave some room between: each
 * comparison says how many requests are not in the lines, at least and at most. That number stays what it was at first (of before
 * the reading began), so two comparisons that leave no number in common have a difference between them.
 */
export class CrossCheck {
  private readonly lines = new Map<string, number>();
  private spans = new Map<string, Span>();
  private hasBegun = false;

  /** A line was read. */
  saw(worker: number, backend: string): void {
    const key = `${worker} ${backend}`;
    this.lines.set(key, (this.lines.get(key) ?? 0) + 1);
  }

  /** Lines are read from another place on. */
  begin(): void {
    this.lines.clear();
    this.spans.clear();
    this.hasBegun = false;
  }

  /** `before`: from before the log was read to its end; `after`: from after it. */
  compare(before: readonly BackendTotal[], after: readonly BackendTotal[]): Difference[] {
    const found: Difference[] = [];
    const spans = new Map<string, Span>();
    const later = new Map(after.map((total) => [keyOf(total), total]));
    for (const total of before) {
      const key = keyOf(total);
      const most = later.get(key)?.started;
      // It ended meanwhile, or somebody cleared its counters.
      if (most === undefined || most < total.started) continue;
      const lines = this.lines.get(key) ?? 0;
      const now: Span = { least: total.started - total.inFlight - lines, most: most - lines };
      // All lines of a worker that began meanwhile were there to be read.
      const known = this.spans.get(key) ?? (this.hasBegun ? { least: 0, most: 0 } : now);
      const missing = Math.max(0, now.least - known.most) + Math.min(0, now.most - known.least);
      if (missing !== 0) found.push({ backend: total.backend, missing });
      spans.set(key, missing === 0 ? common(known, now) : now);
    }
    this.spans = spans;
    this.hasBegun = true;
    for (const key of this.lines.keys()) if (!spans.has(key) && !later.has(key)) this.lines.delete(key);
    return found;
  }
}

function common(a: Span, b: Span): Span {
  return { least: Math.max(a.least, b.least), most: Math.min(a.most, b.most) };
}

function keyOf({ worker, backend }: BackendTotal): string {
  return `${worker} ${backend}`;
}
