import type { OtherJudge } from '../release/judge-rules.ts';
import { kayentaSecond, kayentaWord, startKayenta, type KayentaState } from './kayenta/judgement.ts';
import type { IntervalSecond } from './interval.ts';
import { limitsSecond, limitsWord, startLimits, type LimitsState } from './limits.ts';

/** A judge in place of the bets: the same seconds in, a word out. Severe faults and the split are watched beside it as always. */
export type RuleState = LimitsState | KayentaState;

export type RuleWord = {
  readonly overall: 'harmful' | 'safe' | 'suspicious' | 'undecided';
  /** One sentence with the numbers. */
  readonly reason: string;
  /** What was found for each measure at the last look. */
  readonly looks: readonly Look[];
};

export type Look = {
  /** `p95`, or a measure's name. */
  readonly name: string;
  readonly says: string;
  readonly state: 'pass' | 'fail' | 'no-data';
};

export function startRule(asked: OtherJudge): RuleState {
  return asked.use === 'limits' ? startLimits(asked) : startKayenta(asked);
}

export function ruleSecond(state: RuleState, second: IntervalSecond): RuleState {
  return state.use === 'limits' ? limitsSecond(state, second) : kayentaSecond(state, second);
}

/** A new step wants a look of its own; failures and points stay. */
export function ruleInNewStep(state: RuleState): RuleState {
  return state.use === 'limits' ? { ...state, looksInStep: 0 } : { ...state, judgedInStep: 0 };
}

export function ruleWord(state: RuleState): RuleWord {
  return state.use === 'limits' ? limitsWord(state) : kayentaWord(state);
}
