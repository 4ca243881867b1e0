import { describeMeasure, failureOf } from './describe-measure.ts';
import { describeCheck } from './describe.ts';
import { isMeasure, leadingPart, ownLimits, totalLogE } from './evidence-sum.ts';
import { NO_HARM } from './harm.ts';
import { NEW_LADDER } from './ladder.ts';
import { mergeLogE } from './logspace.ts';
import { measureReason } from './measure-sentences.ts';
import { measureLogE } from './measures.ts';
import { ruleWord, type RuleState } from './rule.ts';
import { harmReason } from './sentences.ts';
import { NO_EVENTS, type CheckState, type JudgeState } from './state.ts';

/** Age of the candidate in seconds below which latency alone must cross twice. */
const SETTLE_AGE = 60;
/** Seconds for which latency is not judged after it crossed once. */
const SETTLE_PAUSE = 15;
/** A second crossing with less than this part of the first one's effect is a process still warming up. */
const SETTLE_SHRUNK = 0.75;

/** Marks the candidate as harmful when the evidence says so, or lets latency settle first. */
export function decide(state: JudgeState, second: number): JudgeState {
  if (state.harm === null && state.rule !== null) return decideByRule(state, state.rule, second);
  if (state.harm !== null) return state;
  const failed = state.measures.find((one) => failureOf(one) !== null);
  if (failed !== undefined) return found(state, second, failed.measure.name, failureOf(failed)!);
  if (totalLogE(state) < state.harmLogLimit) return state;
  const top = leadingPart(state);
  const limit = ownLimits(state)(top);
  if (isMeasure(top)) {
    const result = describeMeasure(top, limit);
    return found(state, second, result.name, measureReason(result));
  }
  if (top.check.kind === 'line' && withoutLines(state) < state.harmLogLimit && !hasSettled(state, top)) {
    return settle(state, top);
  }
  return found(state, second, top.check.name, harmReason(state, describeCheck(state, top, limit)));
}

function found(state: JudgeState, second: number, check: string, reason: string): JudgeState {
  return { ...state, harm: { second, check, reason } };
}

function decideByRule(state: JudgeState, rule: RuleState, second: number): JudgeState {
  const { overall, reason, looks } = ruleWord(rule);
  if (overall !== 'harmful') return state;
  const check = looks.find((look) => look.state === 'fail')?.name ?? rule.use;
  return { ...state, harm: { second, check, reason } };
}

function withoutLines(state: JudgeState): number {
  const checks = state.checks.map(({ check, harm }) => ({
    weight: check.weight,
    logE: check.kind === 'line' ? 0 : harm.logE,
  }));
  const measures = state.measures
    .filter(({ weight }) => weight > 0)
    .map((one) => ({ weight: one.weight, logE: measureLogE(one) }));
  return mergeLogE([...checks, ...measures]);
}

function hasSettled(state: JudgeState, top: CheckState): boolean {
  const { first } = state.settling;
  if (first === null) return (state.candidateAge ?? 0) >= SETTLE_AGE;
  const same = state.checks.find(({ check }) => check.name === first.check) ?? top;
  return effectOf(same) >= SETTLE_SHRUNK * first.effect;
}

function settle(state: JudgeState, top: CheckState): JudgeState {
  return {
    ...state,
    settling: {
      first: { check: top.check.name, effect: effectOf(top) },
      mutedUntilAge: (state.candidateAge ?? 0) + 1 + SETTLE_PAUSE,
    },
    checks: state.checks.map((one) =>
      one.check.kind === 'line'
        ? {
            ...one,
            harm: NO_HARM,
            ladder: one.ladder === null ? null : { ...NEW_LADDER, safe: one.ladder.safe },
            counts: { ...one.counts, bet: NO_EVENTS },
          }
        : one,
    ),
  };
}

/** How many more of the candidate's units than of stable's are beyond the line, as a fraction. */
function effectOf(check: CheckState): number {
  const [x, y, mine, theirs] = check.counts.bet;
  return x / Math.max(1, mine) - y / Math.max(1, theirs);
}
