/** Time as an argument. docs/decisions/0004-time.md says which is for what. */
export type Clock = {
  /** Wall clock, milliseconds since 1970: for dates that people read or name. May jump. */
  nowMs(): number;
  /**
   * Milliseconds that look like the wall clock and never jump: what the wall clock said when this boot's time base was made,
   * and what has gone by since. Every process on the same state directory has the same (lib/steady-clock.ts). For seconds
   * of counts, and for everything that lasts or falls due.
   */
  steadyMs(): number;
  /** Monotonic milliseconds since an arbitrary origin of this process. Never jumps. */
  monotonicMs(): number;
};

/** When this process started, by the wall clock of then. */
const STARTED_MS = Date.now() - performance.now();

/** Steady within one process: for who has no state directory to share it through. */
export const systemClock: Clock = {
  nowMs: () => Date.now(),
  steadyMs: () => Math.floor(STARTED_MS + performance.now()),
  monotonicMs: () => performance.now(),
};
