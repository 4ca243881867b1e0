import type { SparseHistogram } from '../traffic/counts.ts';
import { latencyShift, type Beyond } from './latency.ts';

/**
 * Whether stable itself does far worse than before the rollout: then something hits both versions, a comparison of them says
 * little of what the candidate would do in calm weather, and it is no time to go on. Never a reason to go back.
 */
export type Incident = {
  /** Stable before the rollout: attempts, failures. */
  readonly before: readonly [decided: number, failed: number];
  /** A fine bucket that stable was nearly always below before the rollout, or null where too little was known. */
  readonly slowLine: number | null;
  /** Stable over about the last half minute. */
  readonly recent: readonly [decided: number, failed: number, answered: number, slow: number];
  /** Seconds that the present one lasts, 0 for none. */
  readonly seconds: number;
};

/** Half-life of 20 s: sees an incident within seconds, and its end within a minute. */
const DECAY = 0.5 ** (1 / 20);
/** Less than this says nothing about how stable was, or is. */
const LEAST_BEFORE = 200;
const LEAST_RECENT = 20;
/** Failures: more than three times as many and one point, and that not by chance. */
const FAR = { ratio: 3, add: 0.01, deviations: 4 };
/** Slowness: a third of the answers slower than twice what 90 % were faster than before. */
const SLOW = { quantile: 0.9, times: 2, part: 1 / 3 };
/** What lasts longer is no incident any more, but how stable is now. */
const MOST_SECONDS = 3600;

export const NO_INCIDENT: Incident = { before: [0, 0], slowLine: null, recent: [0, 0, 0, 0], seconds: 0 };

/** What is compared with: attempts and failures of stable before the rollout, and its latencies by "beyond bucket i". */
export function incidentAfter(before: readonly [number, number], beyond: Beyond): Incident {
  const answered = beyond[0] ?? 0;
  const line = beyond.findIndex((slower) => slower <= (1 - SLOW.quantile) * answered);
  const slowLine = answered < LEAST_BEFORE || line === -1 ? null : line + latencyShift(SLOW.times - 1);
  return { ...NO_INCIDENT, before, slowLine };
}

export type StableSecond = {
  readonly decided: number;
  readonly failed: number;
  readonly latencies: readonly SparseHistogram[];
};

export function advanceIncident(incident: Incident, second: StableSecond): Incident {
  let [answered, slow] = [0, 0];
  for (const histogram of second.latencies) {
    for (let i = 0; i < histogram.length; i++) {
      const one = histogram[i]!;
      answered += one[1];
      if (incident.slowLine !== null && one[0] > incident.slowLine) slow += one[1];
    }
  }
  const [a, b, c, d] = incident.recent;
  const recent = [
    faded(a, second.decided),
    faded(b, second.failed),
    faded(c, answered),
    faded(d, slow),
  ] as const;
  const next = { ...incident, recent };
  return { ...next, seconds: isFarWorse(next) ? incident.seconds + 1 : 0 };
}

/** What to say while it lasts, or null. */
export function incidentReason(incident: Incident): string | null {
  const { seconds, before, recent } = incident;
  if (seconds === 0 || seconds > MOST_SECONDS) return null;
  const [decided, failed, answered, slow] = recent;
  const what = isFailing(incident)
    ? `stable itself fails ${percent(failed / decided)} of its requests, ${percent(before[1] / before[0])} before the rollout`
    : `${percent(slow / answered)} of stable's own answers take twice as long as nearly all did before the rollout`;
  return `an incident that hits both versions: ${what}`;
}

function isFarWorse(incident: Incident): boolean {
  if (isFailing(incident)) return true;
  const [, , answered, slow] = incident.recent;
  return incident.slowLine !== null && answered >= LEAST_RECENT && slow > SLOW.part * answered;
}

function isFailing({ before, recent }: Incident): boolean {
  const [decided, failed] = recent;
  if (before[0] < LEAST_BEFORE || decided < LEAST_RECENT) return false;
  const expected = decided * (FAR.ratio * (before[1] / before[0]) + FAR.add);
  return failed > expected + FAR.deviations * Math.sqrt(expected);
}

/** Thousandths are enough, and keep the state small. */
function faded(before: number, added: number): number {
  return Math.round((before * DECAY + added) * 1000) / 1000;
}

function percent(fraction: number): string {
  return `${Number((100 * fraction).toPrecision(2))} %`;
}
