/** Both clocks at one moment, milliseconds. */
export type Moment = { readonly steadyMs: number; readonly wallMs: number };

export type WallShift = {
  /** Added to a second of a log line, which is by the wall clock, gives the steady second. */
  readonly seconds: number;
  /**
   * Steady seconds whose lines may be by either clock, because the wall clock jumped between two looks; null where it did not.
   */
  readonly lost: { readonly fromSecond: number; readonly toSecond: number } | null;
};

/** What clocks drift apart between two looks at most, milliseconds; more is a jump. */
const DRIFT_MS = 500;

/**
 * How seconds in a log become steady ones. `before`: the former look, or null for the first; `bufferMs`: how long a line may
 * take from its time stamp into the file.
 */
export function wallShift(before: Moment | null, now: Moment, bufferMs: number): WallShift {
  const offsetMs = now.steadyMs - now.wallMs;
  const seconds = Math.round(offsetMs / 1000);
  if (before === null || Math.abs(offsetMs - (before.steadyMs - before.wallMs)) <= DRIFT_MS)
    return { seconds, lost: null };
  const fromSecond = Math.floor((before.steadyMs - bufferMs) / 1000);
  return { seconds, lost: { fromSecond, toSecond: Math.ceil((now.steadyMs + bufferMs) / 1000) } };
}
