import { betaBinomialLogE, probabilityBounds } from './beta-binomial.ts';
import type { JudgeState } from './state.ts';

/** How the traffic really split, and whether that can be chance. */
export type ShareResult = {
  readonly askedPercent: number;
  /** Of requests, since the step began; null without any. */
  readonly seenPercent: number | null;
  /** Why the draw cannot be what was asked for (hold, never go back), or null. */
  readonly mismatch: string | null;
  /** Where people stick to a version: their requests split far from the asked share. A warning, never a stop. */
  readonly warning: string | null;
};

/** One false alarm in a thousand steps, however often one looks. */
const MISMATCH_LIMIT = Math.log(1000);
/** Seconds after a change of share in which requests drawn before it are still decided. */
export const CHANGE_SECONDS = 2;
const LEAST_REQUESTS_TO_WARN = 200;

export function shareOf(state: JudgeState): ShareResult {
  const { askedPercent, requests } = state.step;
  const all = requests[0] + requests[1];
  const seenPercent = all > 0 ? (100 * requests[0]) / all : null;
  const judged = askedPercent > 0 && askedPercent < 100;
  return {
    askedPercent,
    seenPercent,
    mismatch: mismatchOf(state),
    warning:
      judged && state.unit === 'identity' && seenPercent !== null && all >= LEAST_REQUESTS_TO_WARN
        ? warningOf(askedPercent, seenPercent)
        : null,
  };
}

export function mismatchOf(state: JudgeState): string | null {
  const { askedPercent: asked, drawn } = state.step;
  const counts = { hits: drawn[0], misses: drawn[1] };
  if (asked === 0 || asked === 100) return null;
  if (betaBinomialLogE(counts, asked / 100) < MISMATCH_LIMIT) return null;
  const what = state.unit === 'identity' ? 'people' : 'requests';
  const [lo, hi] = probabilityBounds(counts, 0.001);
  const all = counts.hits + counts.misses;
  return (
    `${percent(asked / 100)} of ${what} were to reach the candidate, ${percent(counts.hits / all)} of ${all} did ` +
    `(chance allows ${percent(lo)} to ${percent(hi)} as the true share). Look for requests that hang, a candidate that ` +
    `cannot be reached, or something in front that pins people`
  );
}

function warningOf(askedPercent: number, seenPercent: number): string | null {
  const ratio = seenPercent / askedPercent;
  if (ratio >= 0.5 && ratio <= 2) return null;
  return (
    `${percent(seenPercent / 100)} of the requests come from the ${percent(askedPercent / 100)} of people on the ` +
    `candidate: a few people make many of them`
  );
}

function percent(fraction: number): string {
  return `${Number((100 * fraction).toPrecision(3))} %`;
}
