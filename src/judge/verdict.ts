import { describeMeasure, isSettled, missingWords, type MeasureResult } from './describe-measure.ts';
import { describeCheck, type CheckResult } from './describe.ts';
import { isMeasure, leadingPart, ownLimit, totalLogE } from './evidence-sum.ts';
import { incidentReason } from './incident.ts';
import { measureWords } from './measure-sentences.ts';
import { ruleWord, type Look } from './rule.ts';
import { grouped, withInterval } from './sentences.ts';
import { shareOf, type ShareResult } from './share.ts';
import type { JudgeState, Unit } from './state.ts';

export type Verdict = {
  readonly overall: Overall;
  /** What rates and evidence count. */
  readonly unit: Unit;
  readonly candidateRequestsInStep: number;
  readonly stableRequestsInStep: number;
  readonly judgedSecondsInStep: number;
  /** ln of all evidence for harm: ln 100 goes back, ln 5 is suspicious. */
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

export function verdictOf(state: JudgeState): Verdict {
  const described = state.checks.map((one) => describeCheck(state, one));
  const checks = described.filter(
    (one) => one.required || one.state === 'worse' || one.name === state.harm?.check,
  );
  const measures = state.measures.map((one) => describeMeasure(one, ownLimit(state, one)));
  const logE = state.rule === null ? totalLogE(state) : 0;
  const { overall, reason } = conclude(state, { checks, measures, logE });
  const share = shareOf(state);
  return {
    overall,
    unit: state.unit,
    candidateRequestsInStep: state.step.requests[0],
    stableRequestsInStep: state.step.requests[1],
    judgedSecondsInStep: state.step.seconds,
    logE,
    reason,
    checks,
    measures,
    share,
    looks: state.rule === null ? [] : ruleWord(state.rule).looks,
    hold: share.mismatch ?? incidentReason(state.incident) ?? missingOf(state),
  };
}

function missingOf({ measures, step }: JudgeState): string | null {
  const missing = measures.map((one) => missingWords(one, step.seconds)).filter((words) => words !== null);
  return missing.length === 0 ? null : missing.join('; ');
}

function conclude(
  state: JudgeState,
  {
    checks,
    measures,
    logE,
  }: {
    readonly checks: readonly CheckResult[];
    readonly measures: readonly MeasureResult[];
    readonly logE: number;
  },
): Pick<Verdict, 'overall' | 'reason'> {
  if (state.severe.found !== null) return { overall: 'severe', reason: state.severe.found.reason };
  if (state.harm !== null) return { overall: 'harmful', reason: state.harm.reason };
  const [mine, theirs] = state.step.requests;
  if (mine === 0 || theirs === 0) {
    const side = mine === 0 ? 'the candidate' : 'stable';
    return { overall: 'no-data', reason: `no request has reached ${side} in this step yet` };
  }
  if (state.rule !== null) return ruleWord(state.rule);
  const suspicion = suspicionOf(state, logE);
  if (suspicion !== null) return { overall: 'suspicious', reason: suspicion };
  const open = [
    ...checks.filter((one) => one.required && one.state !== 'not-worse'),
    ...measures.filter((one) => !isSettled(one)),
  ];
  if (open.length === 0) {
    return {
      overall: 'safe',
      reason: `every check is surely within its limit: ${[...checks.map(withInterval), ...measures.map(measureWords)].join(', ')}`,
    };
  }
  const names = open.map((one) => one.name).join(' and ');
  return {
    overall: 'undecided',
    reason: `${names} ${open.length === 1 ? 'is' : 'are'} not decided after ${grouped(mine)} requests on the candidate`,
  };
}

function suspicionOf(state: JudgeState, logE: number): string | null {
  const { candidateAge, settling } = state;
  if (settling.first !== null && candidateAge !== null && candidateAge < settling.mutedUntilAge) {
    return `${settling.first.check} was over its limit within a minute of the start; it is judged once more after a pause`;
  }
  if (logE < SUSPICIOUS_LOG_E) return null;
  const top = leadingPart(state);
  const words = isMeasure(top)
    ? measureWords(describeMeasure(top, ownLimit(state, top)))
    : withInterval(describeCheck(state, top));
  return `${words} looks worse: evidence ${Math.round(Math.exp(Math.min(logE, 20)))} of the 100 that go back`;
}
