/**
 * One value of a measure on both sides, for the interval that ended last. It is judged in the second in which it came, so
 * that late values are neither lost nor put into a second that was judged already. Judges that look at values (plain limits,
 * Kayenta's) take any number of these; the bets take counts.
 */
export type MeasuredPoint = {
  /** As it is named in the file. */
  readonly measure: string;
  readonly candidate: Measured;
  readonly stable: Measured;
  /** What it was measured over; without it the bets cannot use it. */
  readonly window?: MeasuredWindow;
  /** Why there is no number, in one sentence, where there is none. */
  readonly says?: string;
};

/** A number, or why there is none: never taken for a good value, nor for a bad one but by a policy that says so. */
export type Measured = number | NoValue;

/** The source answered with nothing, with NaN or an infinity, or not at all. */
export type NoValue = 'no-data' | 'not-a-number' | 'unreachable';

/** A window lies within one step: its share did not change. */
export type MeasuredWindow = {
  /** Both included. */
  readonly fromSecond: number;
  readonly toSecond: number;
  readonly stepIndex: number;
  readonly askedSharePercent: number;
  /** Requests in the window, by which counts are held against each other. */
  readonly requests: readonly [candidate: number, stable: number];
};

/** A point with the second in which it is judged. */
export type MeasuredSecond = { readonly second: number; readonly point: MeasuredPoint };
