import type { Limit, LimitsRule } from '../release/judge-rules.ts';
import { NEW_INTERVAL, lengthened, valuesOf, type Interval, type IntervalSecond } from './interval.ts';
import type { Measured } from './measured.ts';
import type { Look, RuleWord } from './rule.ts';

/** Plain limits, as many tools have them: stable is not looked at, and failures are never forgotten. */
export type LimitsState = {
  readonly use: 'limits';
  readonly asked: LimitsRule;
  readonly interval: Interval;
  readonly failures: number;
  /** Looks since the step began. */
  readonly looksInStep: number;
  /** The last one: what is broken, or nothing. */
  readonly last: { readonly broken: string | null; readonly looks: readonly Look[] } | null;
};

export function startLimits(asked: LimitsRule): LimitsState {
  return { use: 'limits', asked, interval: NEW_INTERVAL, failures: 0, looksInStep: 0, last: null };
}

export function limitsSecond(state: LimitsState, second: IntervalSecond): LimitsState {
  const interval = lengthened(state.interval, second);
  if (interval.seconds * 1000 < state.asked.everyMs) return { ...state, interval };
  const looks = state.asked.limits.map((limit) => lookAt(limit, interval, state.asked));
  const broken = looks.filter((look) => look.state === 'fail').map((look) => `${look.name} ${look.says}`);
  return {
    ...state,
    interval: NEW_INTERVAL,
    failures: state.failures + (broken.length > 0 ? 1 : 0),
    looksInStep: state.looksInStep + 1,
    last: { broken: broken.length > 0 ? broken.join(', ') : null, looks },
  };
}

export function limitsWord(state: LimitsState): RuleWord {
  const { asked, failures, last } = state;
  const looks = last?.looks ?? [];
  const count = `${failures} ${failures === 1 ? 'failure' : 'failures'}, ${asked.failureLimit} allowed`;
  if (failures > asked.failureLimit)
    return { overall: 'harmful', reason: `${last?.broken ?? 'a limit is broken'} (${count})`, looks };
  if (last !== null && last.broken !== null)
    return { overall: 'suspicious', reason: `${last.broken} (${count})`, looks };
  if (state.looksInStep > 0)
    return { overall: 'safe', reason: `every value is within its limit (${count})`, looks };
  const left = Math.ceil(asked.everyMs / 1000) - state.interval.seconds;
  return { overall: 'undecided', reason: `the first look in this step is in ${left} s`, looks };
}

function lookAt(limit: Limit, interval: Interval, asked: LimitsRule): Look {
  const { measure, max, min } = limit;
  const value = valuesOf(interval, measure).candidate;
  if (typeof value !== 'number') return withoutValue(limit, value, asked);
  const over = max !== null && value > max;
  const under = min !== null && value < min;
  const bound = over || min === null ? `limit ${max} at most` : `limit ${min} at least`;
  return { name: measure, says: `${shown(value)}, ${bound}`, state: over || under ? 'fail' : 'pass' };
}

function withoutValue({ measure }: Limit, why: Exclude<Measured, number>, asked: LimitsRule): Look {
  const words = {
    'no-data': 'no data',
    'not-a-number': 'not a number',
    unreachable: 'its source did not answer',
  };
  return { name: measure, says: words[why], state: asked.noData === 'fail' ? 'fail' : 'no-data' };
}

function shown(value: number): string {
  return String(Number(value.toPrecision(3)));
}
