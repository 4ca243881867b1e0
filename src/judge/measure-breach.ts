import { describeMeasure, failureOf } from './describe-measure.ts';
import { ownLimits } from './evidence-sum.ts';
import { measureReason } from './measure-sentences.ts';
import type { JudgeState } from './state.ts';

/** At 100 % there is no stable beside the candidate; limits of measures against a number, or against failures, hold all the same. */
export function measureBreach(state: JudgeState): string | null {
  const limitOf = ownLimits(state);
  for (const one of state.measures) {
    if (one.measure.limit.against === 'stable') continue;
    const failure = failureOf(one);
    if (failure !== null) return failure;
    const result = describeMeasure(one, limitOf(one));
    if (result.state === 'worse') return measureReason(result);
  }
  return null;
}
