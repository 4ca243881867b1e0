/** Requests that the asked share weighs as, against the share that was seen. */
const ASKED_SHARE_WEIGHT = 50;

/** ŵ = (50·w + n_candidate) / (50 + n). */
export function realisedShare(asked: number, units: readonly [candidate: number, stable: number]): number {
  return (ASKED_SHARE_WEIGHT * asked + units[0]) / (ASKED_SHARE_WEIGHT + units[0] + units[1]);
}
