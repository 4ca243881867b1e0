import type { EarlyStep } from '../release/plan.ts';
import type { SlotName } from '../release/slot.ts';
import type { ReplicaSecond } from '../traffic/counts.ts';
import type { EarlyConfig, EarlySecond, EarlyWord } from './early-word.ts';
import { decidedOf, failuresOf, sumOf } from './reading.ts';
import { grouped } from './sentences.ts';
import { advanceSevere, startSevere, type Attempts, type Severe } from './severe.ts';

type HeaderStep = Extract<EarlyStep, { kind: 'header-only' }>;

/**
 * Requests that chose the candidate. Nobody was drawn: who sends the header differs from everybody else in more than the
 * version, so that no test of a difference means anything, however small its level. What is left are faults that no choice of
 * people explains, and a plain limit that somebody set.
 */
export type ChosenState = {
  readonly kind: 'header-only';
  readonly step: HeaderStep;
  /** Not looked at here: what is measured elsewhere. */
  readonly measures: readonly string[];
  readonly stable: SlotName;
  readonly candidate: SlotName;
  readonly seconds: number;
  readonly requests: readonly [candidate: number, stable: number];
  /** Since harm was last forgotten. */
  readonly attempts: readonly [candidate: Attempts, stable: Attempts];
  readonly severe: Severe;
  /** Set once, when the plain limit was broken. */
  readonly broken: string | null;
};

/** Fewer say nothing, and so do fewer failures: one retry in a row is not a version. */
const LEAST_ATTEMPTS = 20;
const LEAST_FAILED = 3;
const NONE: Attempts = [0, 0];

export function startChosen(config: EarlyConfig<HeaderStep>): ChosenState {
  const { step, policy, stable, candidate, baselineBefore } = config;
  const severe = baselineBefore.reduce(
    (before, row) => looked(before, row.second, [NONE, attemptsOf([row])]),
    startSevere(false),
  );
  return {
    kind: 'header-only',
    step,
    measures: (policy.measures ?? []).map(({ name }) => name),
    stable,
    candidate,
    seconds: 0,
    requests: [0, 0],
    attempts: [NONE, NONE],
    severe,
    broken: null,
  };
}

export function chosenSecond(state: ChosenState, { second, replicas, apart }: EarlySecond): ChosenState {
  const mine = apart.overrides.filter((row) => row.slot === state.candidate);
  const theirs = replicas.filter((row) => row.slot === state.stable);
  const now = [attemptsOf(mine), attemptsOf(theirs)] as const;
  const next: ChosenState = {
    ...state,
    seconds: state.seconds + 1,
    requests: [
      state.requests[0] + sumOf(mine, (row) => row.requests),
      state.requests[1] + sumOf(theirs, (row) => row.requests),
    ],
    attempts: [added(state.attempts[0], now[0]), added(state.attempts[1], now[1])],
    severe: looked(state.severe, second, now),
  };
  return next.broken !== null || !isBroken(next) ? next : { ...next, broken: brokenWords(next) };
}

export function forgetChosenHarm(state: ChosenState): ChosenState {
  return {
    ...state,
    attempts: [NONE, NONE],
    severe: { ...state.severe, candidate: [], found: null },
    broken: null,
  };
}

export function chosenWord(state: ChosenState): EarlyWord {
  const { seconds, requests, severe, broken } = state;
  const [candidateRequests, stableRequests] = requests;
  const rest = {
    hold: holdWords(state),
    seconds,
    candidateRequests,
    stableRequests,
    dropped: 0,
  };
  if (severe.found !== null) return { overall: 'severe', reason: severe.found.reason, ...rest };
  if (broken !== null) return { overall: 'harmful', reason: broken, ...rest };
  const { header, requests: needed } = state.step;
  if (candidateRequests === 0)
    return { overall: 'no-data', reason: `nobody chose the candidate by ${header} yet`, ...rest };
  const count = `${failedWords(state.attempts[0])} of those who chose the candidate`;
  if (candidateRequests < needed) {
    const reason = `${count}; ${needed - candidateRequests} more are needed`;
    return { overall: 'undecided', reason, ...rest };
  }
  const reason = `${count}: nothing against it, which is all that can be said of people who chose themselves`;
  return { overall: 'quiet', reason, ...rest };
}

/** Also over twice what stable fails: what hits both is no fault of the version. */
function isBroken({ step, attempts: [mine, theirs] }: ChosenState): boolean {
  const [decided, failed] = mine;
  if (decided < LEAST_ATTEMPTS || failed < LEAST_FAILED) return false;
  return 100 * failed > step.maxErrorsPercent * decided && failed * theirs[0] > 2 * theirs[1] * decided;
}

function brokenWords({ step, attempts: [mine, theirs] }: ChosenState): string {
  const stable = theirs[0] === 0 ? 'stable had none' : `of stable's ${failedWords(theirs)}`;
  return `${failedWords(mine)} of those who chose the candidate, over the plain limit of ${step.maxErrorsPercent} %; ${stable} in that time`;
}

function holdWords({ step, attempts: [, [decided, failed]] }: ChosenState): string | null {
  if (decided < LEAST_ATTEMPTS || 100 * failed <= step.maxErrorsPercent * decided) return null;
  return `stable itself fails more than the plain limit: ${failedWords([decided, failed])}`;
}

/** `3 of 41 requests failed (7.3 %)`. */
function failedWords([decided, failed]: Attempts): string {
  const part = decided === 0 ? '' : ` (${Number(((100 * failed) / decided).toPrecision(2))} %)`;
  return `${grouped(failed)} of ${grouped(decided)} requests failed${part}`;
}

function looked(
  severe: Severe,
  second: number,
  [candidate, stable]: readonly [candidate: Attempts, stable: Attempts],
): Severe {
  return advanceSevere(severe, { second, candidate, stable, people: { failed: 0, active: 0 } });
}

function attemptsOf(rows: readonly ReplicaSecond[]): Attempts {
  return [sumOf(rows, decidedOf), sumOf(rows, failuresOf)];
}

function added([decided, failed]: Attempts, more: Attempts): Attempts {
  return [decided + more[0], failed + more[1]];
}
