/** A wait is made of at most so many parts, of at least so many milliseconds each. */
const PARTS = 20;
const LEAST_PART_MS = 10;

/**
 * Calls `act` after `ms`, like setTimeout, but for waiting for others: time in which this process itself stood still or got
 * no processor counts as one part. Otherwise the end of a wait is found before the answer that has long been there, and who
 * answered at once is taken for dead. Returns what calls it off.
 */
export function afterPatience(ms: number, act: () => void): () => void {
  const partMs = Math.max(LEAST_PART_MS, ms / PARTS);
  let leftMs = ms;
  let timer = setTimeout(pass, Math.min(partMs, leftMs));
  function pass(): void {
    leftMs -= partMs;
    if (leftMs <= 0) act();
    else timer = setTimeout(pass, Math.min(partMs, leftMs));
  }
  return () => clearTimeout(timer);
}
