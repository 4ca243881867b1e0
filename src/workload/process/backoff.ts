/** How long to wait before a crashed replica is started again. */
export type BackOff = { readonly delayMs: number; readonly inARow: number };

const FIRST_MS = 200;
const LONGEST_MS = 10_000;
const FORGIVEN_AFTER_MS = 60_000;

/** 0.2 s, doubling to 10 s; from the start again after a minute up. `inARow` counts the crashes before this one. */
export function backOff(inARow: number, upMs: number): BackOff {
  const before = upMs >= FORGIVEN_AFTER_MS ? 0 : inARow;
  return { delayMs: Math.min(LONGEST_MS, FIRST_MS * 2 ** Math.min(before, 10)), inARow: before + 1 };
}
