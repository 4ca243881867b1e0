import type { KayentaCheck, KayentaRule } from '../../release/judge-rules.ts';
import { NEW_INTERVAL, lengthened, valuesOf, type Interval, type IntervalSecond } from '../interval.ts';
import type { Measured } from '../measured.ts';
import type { Look, RuleWord } from '../rule.ts';
import { classify, type Classified } from './classify.ts';
import { cleaned } from './cleaning.ts';
import { classOf, scoreOf, type ScoreClass } from './score.ts';

/** Kayenta's way through a rollout: points, and a judgement of all of them every so often. */
export type KayentaState = {
  readonly use: 'kayenta';
  readonly asked: KayentaRule;
  readonly interval: Interval;
  /** By metric, oldest first. */
  readonly points: readonly (readonly Point[])[];
  readonly sinceJudged: number;
  readonly judgedInStep: number;
  readonly last: Judgement | null;
};

type Point = readonly [candidate: number | null, stable: number | null];

type Judgement = {
  readonly score: number;
  readonly class: ScoreClass;
  readonly zeroed: string | null;
  readonly looks: readonly Look[];
};

/** A day of minutes. What is older is left out of a window that grows from the start. */
const MOST_POINTS = 1440;

export function startKayenta(asked: KayentaRule): KayentaState {
  const points = asked.metrics.map(() => []);
  return {
    use: 'kayenta',
    asked,
    interval: NEW_INTERVAL,
    points,
    sinceJudged: 0,
    judgedInStep: 0,
    last: null,
  };
}

export function kayentaSecond(state: KayentaState, second: IntervalSecond): KayentaState {
  const { asked } = state;
  const interval = lengthened(state.interval, second);
  const isFull = interval.seconds * 1000 >= asked.everyMs;
  const next: KayentaState = {
    ...state,
    interval: isFull ? NEW_INTERVAL : interval,
    points: isFull ? withPoints(state, interval) : state.points,
    sinceJudged: state.sinceJudged + 1,
  };
  if (next.sinceJudged * 1000 < asked.judgeEveryMs) return next;
  return { ...next, sinceJudged: 0, judgedInStep: state.judgedInStep + 1, last: judged(next) };
}

/**
 * At or below the marginal score a judgement on the way fails at once, as in the original; above it and below `pass` the
 * rollout stays where it is.
 */
export function kayentaWord(state: KayentaState): RuleWord {
  const { asked, last } = state;
  if (last === null) {
    const left = Math.ceil(asked.judgeEveryMs / 1000) - state.sinceJudged;
    return { overall: 'undecided', reason: `the first judgement is in ${left} s`, looks: [] };
  }
  const { looks } = last;
  const why =
    last.zeroed ??
    looks
      .filter((look) => look.state !== 'pass')
      .map((look) => `${look.name} ${look.says}`)
      .join(', ');
  const score = `score ${last.score} of 100${why === '' ? '' : `: ${why}`}`;
  if (last.score <= asked.marginal)
    return { overall: 'harmful', reason: `${score} (not above the marginal ${asked.marginal})`, looks };
  if (last.class !== 'pass')
    return { overall: 'suspicious', reason: `${score} (marginal; ${asked.pass} passes)`, looks };
  if (state.judgedInStep > 0) return { overall: 'safe', reason: `${score} (${asked.pass} passes)`, looks };
  return { overall: 'undecided', reason: `${score}, from before this step`, looks };
}

function withPoints(state: KayentaState, interval: Interval): KayentaState['points'] {
  const { asked } = state;
  const kept =
    asked.lookbackMs === null
      ? MOST_POINTS
      : Math.min(MOST_POINTS, Math.ceil(asked.lookbackMs / asked.everyMs));
  return asked.metrics.map(({ measure }, i) => {
    const { candidate, stable } = valuesOf(interval, measure);
    return [...state.points[i]!, [numberOf(candidate), numberOf(stable)] as const].slice(-kept);
  });
}

function judged({ asked, points }: KayentaState): Judgement {
  const found = asked.metrics.map((check, i) => classifiedOf(check, points[i]!));
  const { score, zeroed } = scoreOf(
    found.map(({ label, critical }, i) => ({ label, critical, groups: [asked.metrics[i]!.group] })),
    asked.groups,
  );
  const looks = found.map((one, i): Look => {
    const times =
      one.ratio === null || one.label === 'Nodata' ? '' : ` (${Number(one.ratio.toPrecision(3))} × stable)`;
    const state = one.label === 'Pass' ? 'pass' : one.label === 'Nodata' ? 'no-data' : 'fail';
    return { name: asked.metrics[i]!.measure, says: `${one.label}${times}`, state };
  });
  return { score, class: classOf(score, asked), zeroed, looks };
}

function classifiedOf(check: KayentaCheck, points: readonly Point[]): Classified {
  const side = (index: 0 | 1): readonly number[] =>
    cleaned(
      points.map((point) => point[index]),
      check,
    );
  return classify(side(0), side(1), check);
}

function numberOf(value: Measured): number | null {
  return typeof value === 'number' ? value : null;
}
