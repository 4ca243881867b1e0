import type { EarlyStep } from '../release/plan.ts';
import type { JudgePolicy } from '../release/service.ts';
import type { EarlyConfig, EarlyResults, EarlySecond, EarlyWord } from './early-word.ts';
import { incidentReason } from './incident.ts';
import { forgetHarm, judgeSecond, startJudge } from './judge.ts';
import { grouped } from './sentences.ts';
import type { JudgeState } from './state.ts';
import { verdictOf, wordOf } from './verdict.ts';

type MirrorStep = Extract<EarlyStep, { kind: 'mirror' }>;

/**
 * Copies against the requests that they are of. Each request is on both sides once, so that the sides differ in nothing but the
 * version: the share is one half. What a request makes fail on both sides (its path, its sender) can only lower the evidence:
 * in (1) of docs/judge.md a pair that fails together counts r/D², and D² ≥ r for a share of one half. So the bound on false
 * alarms holds however much the two sides of a pair have in common.
 */
export type MirroredState = {
  readonly kind: 'mirror';
  readonly step: MirrorStep;
  /** Not looked at here: what is measured elsewhere. */
  readonly measures: readonly string[];
  readonly judge: JudgeState;
  readonly dropped: number;
};

/** The part of the false alarms of a rollout that its mirror may use; the shares have the other half. */
export const MIRROR_ALPHA_PART = 0.5;
/** From here on copies that were dropped make what is seen another traffic. */
const MOST_DROPPED = 0.2;
const LEAST_DUE = 20;
const HALF_PERCENT = 50;

export function startMirrored(config: EarlyConfig<MirrorStep>): MirroredState {
  const { step, policy, stable, candidate, baselineBefore } = config;
  return {
    kind: 'mirror',
    step,
    measures: (policy.measures ?? []).map(({ name }) => name),
    judge: startJudge({
      policy: withoutMeasures(policy),
      unit: 'request',
      stable,
      candidate,
      plannedSeconds: step.atMostMs / 1000,
      baselineBefore,
      alphaPart: MIRROR_ALPHA_PART,
    }),
    dropped: 0,
  };
}

export function mirroredSecond(state: MirroredState, { second, apart }: EarlySecond): MirroredState {
  const { candidate, stable } = state.judge;
  const replicas = [
    ...apart.mirrored.filter((row) => row.slot === candidate),
    ...apart.copied.filter((row) => row.slot === stable),
  ];
  const judge = judgeSecond(state.judge, {
    second,
    stepIndex: 0,
    askedSharePercent: HALF_PERCENT,
    replicas,
    identities: [],
  });
  return { ...state, judge, dropped: state.dropped + apart.dropped };
}

export function forgetMirroredHarm(state: MirroredState): MirroredState {
  return { ...state, judge: forgetHarm(state.judge) };
}

/** The judge's own word, but for the split: nobody was drawn, so that there is none to test. */
export function mirroredWord(state: MirroredState): EarlyWord {
  const { judge, dropped } = state;
  const verdict = wordOf(judge);
  const [candidateRequests, stableRequests] = judge.step.requests;
  return {
    overall: verdict.overall,
    reason:
      verdict.overall === 'no-data'
        ? noCopies(dropped)
        : verdict.reason.replaceAll('requests on the candidate', 'copies'),
    hold: incidentReason(judge.incident) ?? droppedWords(dropped, candidateRequests),
    seconds: judge.step.seconds,
    candidateRequests,
    stableRequests,
    dropped,
  };
}

export function mirroredResults({ judge }: MirroredState): EarlyResults {
  const { checks, looks } = verdictOf(judge);
  return { checks, looks };
}

function noCopies(dropped: number): string {
  return dropped === 0
    ? 'no request was copied in this step yet'
    : `no copy was answered yet; ${grouped(dropped)} that were due were not sent`;
}

/** A candidate that is slow or down gets fewer copies than are due, and those that it gets are the easier ones. */
function droppedWords(dropped: number, sent: number): string | null {
  const due = dropped + sent;
  if (due < LEAST_DUE || dropped <= MOST_DROPPED * due) return null;
  return `${grouped(dropped)} of ${grouped(due)} copies that were due were not sent: too many under way, no healthy replica, or too large`;
}

/** Measures are of users; and what decides by them cannot decide here. */
function withoutMeasures(policy: JudgePolicy): JudgePolicy {
  const { measures = [], rule, ...bets } = policy;
  const own = new Set(measures.map(({ name }) => name));
  const looksAt = rule === undefined ? [] : rule.use === 'limits' ? rule.limits : rule.metrics;
  if (rule === undefined || looksAt.some(({ measure }) => own.has(measure))) return bets;
  return { ...bets, rule };
}
