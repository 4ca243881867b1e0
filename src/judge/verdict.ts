import { describeMeasure, isMeasureSettled, missingWords, type MeasureResult } from './describe-measure.ts';
import { checkVerdict, describeCheck, isNotWorse, type CheckResult } from './describe.ts';
import { isMeasure, leadingPart, ownLimits, totalLogE } from './evidence-sum.ts';
import { incidentReason } from './incident.ts';
import { measureWords } from './measure-sentences.ts';
import { ruleWord, type Look } from './rule.ts';
import { grouped, withInterval } from './sentences.ts';
import { mismatchOf, shareOf, type ShareResult } from './share.ts';
import type { CheckState, JudgeState, Unit } from './state.ts';

export type Verdict = {
  readonly overall: Overall;
  /** What rates and evidence count. */
  readonly unit: Unit;
  readonly candidateRequestsInStep: number;
  readonly stableRequestsInStep: number;
  readonly judgedSecondsInStep: number;
  /** ln of all evidence for harm: ln 100 goes back (ln 200 beside a mirror), ln 5 is suspicious. */
  readonly logE: number;
  /** One sentence with the numbers. */
  readonly reason: string;
  /** The required checks, and any other that found something. */
  readonly checks: readonly CheckResult[];
  /** What is measured elsewhere; absent in verdicts of before there were any. */
  readonly measures?: readonly MeasureResult[];
  readonly share: ShareResult;
  /** What another judge than the bets found, measure by measure; empty where the bets decide, or before its first look. */
  readonly looks: readonly Look[];
  /** Why it is no time to go on, however the checks look, or null. Never a reason to go back. */
  readonly hold: string | null;
};

export type Overall =
  /** Surely worse by more than a limit allows. Stays so, see `forgetHarm`. */
  | 'harmful'
  /** Too gross for statistics. Stays so as well. */
  | 'severe'
  /** In this step, surely not worse by any limit. */
  | 'safe'
  /** Evidence against the candidate is growing, or waits for a second look: no advancing. */
  | 'suspicious'
  | 'undecided'
  /** One of the sides had no request in this step. */
  | 'no-data';

const SUSPICIOUS_LOG_E = Math.log(5);

/** What a rollout goes by: the rest of a verdict is for whoever looks. */
export type Word = Pick<
  Verdict,
  'overall' | 'hold' | 'reason' | 'candidateRequestsInStep' | 'judgedSecondsInStep'
>;

export function verdictOf(state: JudgeState): Verdict {
  const { overall, candidateRequestsInStep, judgedSecondsInStep, reason, hold } = wordOf(state);
  return {
    overall,
    unit: state.unit,
    candidateRequestsInStep,
    stableRequestsInStep: state.step.requests[1],
    judgedSecondsInStep,
    logE: state.rule === null ? totalLogE(state) : 0,
    reason,
    checks: shownChecks(state),
    measures: shownMeasures(state),
    share: shareOf(state),
    looks: state.rule === null ? [] : ruleWord(state.rule).looks,
    hold,
  };
}

/** Asked for every second of every rollout, so that intervals are worked out only where the sentence has them. */
export function wordOf(state: JudgeState): Word {
  const brief = briefOf(state);
  return {
    ...brief,
    reason: reasonOf(state, brief.overall),
    candidateRequestsInStep: state.step.requests[0],
    judgedSecondsInStep: state.step.seconds,
  };
}

function shownChecks(state: JudgeState): readonly CheckResult[] {
  const limitOf = ownLimits(state);
  const isShown = (one: CheckState): boolean =>
    one.check.required ||
    one.check.name === state.harm?.check ||
    checkVerdict(state, one, limitOf(one)) === 'worse';
  return state.checks.filter(isShown).map((one) => describeCheck(state, one, limitOf(one)));
}

function shownMeasures(state: JudgeState): readonly MeasureResult[] {
  const limitOf = ownLimits(state);
  return state.measures.map((one) => describeMeasure(one, limitOf(one)));
}

/** `overall` and `hold` without their sentences and numbers, for whoever asks often. */
export function briefOf(state: JudgeState): Pick<Verdict, 'overall' | 'hold'> {
  const hold = mismatchOf(state) ?? incidentReason(state.incident) ?? missingOf(state);
  return { overall: overallOf(state), hold };
}

function missingOf({ measures, step }: JudgeState): string | null {
  const missing = measures.map((one) => missingWords(one, step.seconds)).filter((words) => words !== null);
  return missing.length === 0 ? null : missing.join('; ');
}

function overallOf(state: JudgeState): Overall {
  if (state.severe.found !== null) return 'severe';
  if (state.harm !== null) return 'harmful';
  if (state.step.requests.includes(0)) return 'no-data';
  if (state.rule !== null) return ruleWord(state.rule).overall;
  if (isSettling(state) || totalLogE(state) >= SUSPICIOUS_LOG_E) return 'suspicious';
  const isSafe = state.checks.every((one) => !one.check.required || isNotWorse(one));
  return isSafe && state.measures.every(isMeasureSettled) ? 'safe' : 'undecided';
}

function reasonOf(state: JudgeState, overall: Overall): string {
  const [mine] = state.step.requests;
  switch (overall) {
    case 'severe':
      return state.severe.found?.reason ?? '';
    case 'harmful':
      return state.harm?.reason ?? '';
    case 'no-data':
      return `no request has reached ${mine === 0 ? 'the candidate' : 'stable'} in this step yet`;
    case 'suspicious':
    case 'safe':
    case 'undecided':
      if (state.rule !== null) return ruleWord(state.rule).reason;
  }
  if (overall === 'suspicious') return suspicionOf(state);
  if (overall === 'safe') {
    const words = [...shownChecks(state).map(withInterval), ...shownMeasures(state).map(measureWords)];
    return `every check is surely within its limit: ${words.join(', ')}`;
  }
  const limitOf = ownLimits(state);
  const isOpen = (one: CheckState): boolean =>
    one.check.required && checkVerdict(state, one, limitOf(one)) !== 'not-worse';
  const open = [
    ...state.checks.filter(isOpen).map((one) => one.check.name),
    ...state.measures.filter((one) => !isMeasureSettled(one)).map((one) => one.measure.name),
  ];
  return `${open.join(' and ')} ${open.length === 1 ? 'is' : 'are'} not decided after ${grouped(mine)} requests on the candidate`;
}

function isSettling({ candidateAge, settling }: JudgeState): boolean {
  return settling.first !== null && candidateAge !== null && candidateAge < settling.mutedUntilAge;
}

function suspicionOf(state: JudgeState): string {
  const { first } = state.settling;
  if (isSettling(state))
    return `${first?.check} was over its limit within a minute of the start; it is judged once more after a pause`;
  const top = leadingPart(state);
  const limit = ownLimits(state)(top);
  const words = isMeasure(top)
    ? measureWords(describeMeasure(top, limit))
    : withInterval(describeCheck(state, top, limit));
  const evidence = Math.round(Math.exp(Math.min(totalLogE(state), 20)));
  const needed = Math.round(Math.exp(state.harmLogLimit));
  return `${words} looks worse: evidence ${evidence} of the ${needed} that go back`;
}
