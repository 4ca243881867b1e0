import type { JudgePolicy } from '../release/service.ts';
import { learn, learnBefore, replicasOf } from './baseline.ts';
import { betTable, type BetTable, type Margin } from './bet.ts';
import { checksOf, measureWeight, type JudgedCheck } from './checks.ts';
import { decide } from './decide.ts';
import { NO_DISPERSION } from './dispersion.ts';
import { harmLogLimit } from './evidence-sum.ts';
import { advanceCheck, startStepOf, type CheckContext } from './evidence.ts';
import { NO_HARM } from './harm.ts';
import { NO_INCIDENT, advanceIncident } from './incident.ts';
import { NEW_LADDER } from './ladder.ts';
import { NO_LATENCIES } from './latency.ts';
import type { MeasuredPoint } from './measured.ts';
import { forgetMeasureHarm, newMeasure, startMeasureStep, takePoint, type MeasureState } from './measures.ts';
import { NOTHING_WON } from './mixture.ts';
import { realisedShare } from './realised-share.ts';
import { readSecond, type Reading } from './reading.ts';
import { ruleInNewStep, ruleSecond, startRule } from './rule.ts';
import { advanceSevere, startSevere } from './severe.ts';
import { CHANGE_SECONDS } from './share.ts';
import { startPrior } from './start-prior.ts';
import {
  NO_EVENTS,
  type CheckState,
  type JudgeConfig,
  type JudgedSecond,
  type JudgeState,
  type SidePair,
  type StepState,
} from './state.ts';

/** The judge before its first second, having learned what stable was like until then. */
export function startJudge(config: JudgeConfig): JudgeState {
  const fresh: JudgeState = {
    unit: config.unit,
    stable: config.stable,
    candidate: config.candidate,
    plannedSeconds: Math.max(1, config.plannedSeconds),
    warmUpSeconds: Math.ceil(config.policy.warmUpMs / 1000),
    judgedSeconds: 0,
    stepsEntered: 0,
    candidateAge: null,
    harmLogLimit: harmLogLimit(config.alphaPart),
    replicas: { candidate: 0, stable: 0 },
    step: NO_STEP,
    checks: config.policy.rule === undefined ? checksOf(config.policy).map(newCheck) : [],
    measures: config.policy.rule === undefined ? measuresOf(config.policy) : [],
    latency: { stable: NO_LATENCIES, candidate: NO_LATENCIES, learned: 0 },
    settling: { first: null, mutedUntilAge: 0 },
    severe: startSevere(config.unit === 'identity'),
    incident: NO_INCIDENT,
    rule: config.policy.rule === undefined ? null : startRule(config.policy.rule),
    harm: null,
  };
  return learnBefore(fresh, config.baselineBefore);
}

/**
 * The judge one second later. Pure: the same seconds in the same order give the same state, so that it can be rebuilt from
 * recorded seconds. Seconds at 0 or 100 % are remembered but not judged. Call `verdictOf` after every second.
 */
export function judgeSecond(state: JudgeState, second: JudgedSecond): JudgeState {
  const reading = readSecond(state, second);
  const entered =
    second.stepIndex !== state.step.index || second.askedSharePercent !== state.step.askedPercent;
  const step = countStep(entered ? newStep(state.step, second) : state.step, reading);
  const counted: JudgeState = {
    ...state,
    step,
    stepsEntered: state.stepsEntered + (entered ? 1 : 0),
    checks: entered ? state.checks.map(startStepOf) : state.checks,
    measures: entered ? state.measures.map(startMeasureStep) : state.measures,
    rule: entered && state.rule !== null ? ruleInNewStep(state.rule) : state.rule,
    candidateAge: ageOf(state, reading),
    replicas: replicasOf(state, second.replicas),
    severe: advanceSevere(state.severe, {
      second: second.second,
      candidate: reading.attempts[0],
      stable: reading.attempts[1],
      people: { failed: reading.candidate.failed, active: reading.candidate.units },
    }),
    incident: advanceIncident(state.incident, {
      decided: reading.attempts[1][0],
      failed: reading.attempts[1][1],
      latencies: reading.latencies.stable,
    }),
  };
  // What was won stays won: the numbers that a version goes back on are those of the second that decided.
  const open = state.harm === null && step.askedPercent > 0 && step.askedPercent < 100;
  const judged = !open
    ? counted
    : counted.rule === null
      ? bet(counted, reading, entered)
      : look(counted, second);
  const learned = learn(judged, reading);
  return decide(takeMeasured(learned, second.measured ?? []), second.second);
}

/** Values of measures that came in. They say what was, so that the share of now does not matter to them. */
export function takeMeasured(state: JudgeState, points: readonly MeasuredPoint[]): JudgeState {
  if (points.length === 0 || state.harm !== null) return state;
  const { plannedSeconds, stepsEntered, step } = state;
  const context = { stepIndex: step.index, stepsEntered, plannedSeconds };
  const measures = state.measures.map((one) =>
    points
      .filter((point) => point.measure === one.measure.name)
      .reduce((before, point) => takePoint(before, point, context), one),
  );
  return { ...state, measures };
}

/**
 * The evidence of harm starts anew, at the same limit, and severe faults with it: for a person who saw the verdict and chose
 * to go on.
 */
export function forgetHarm(state: JudgeState): JudgeState {
  return {
    ...state,
    harm: null,
    rule: state.rule === null ? null : startRule(state.rule.asked),
    settling: { first: null, mutedUntilAge: 0 },
    severe: { ...state.severe, candidate: [], found: null },
    measures: state.measures.map(forgetMeasureHarm),
    checks: state.checks.map((check) => ({
      ...check,
      harm: NO_HARM,
      ladder: check.ladder === null ? null : { ...NEW_LADDER, safe: check.ladder.safe },
      counts: { ...check.counts, bet: NO_EVENTS },
    })),
  };
}

const NO_STEP: StepState = {
  index: -1,
  askedPercent: 0,
  formerPercent: 0,
  seconds: 0,
  requests: [0, 0],
  units: [0, 0],
  drawn: [0, 0],
};

function newStep(former: StepState, second: JudgedSecond): StepState {
  return {
    ...NO_STEP,
    index: second.stepIndex,
    askedPercent: second.askedSharePercent,
    formerPercent: former.askedPercent,
  };
}

function countStep(step: StepState, reading: Reading): StepState {
  return {
    ...step,
    seconds: step.seconds + 1,
    requests: added(step.requests, reading.requests),
    units: added(step.units, [reading.candidate.units, reading.stable.units]),
    drawn: step.seconds < CHANGE_SECONDS ? step.drawn : added(step.drawn, reading.drawn),
  };
}

function added(sum: SidePair, more: SidePair): SidePair {
  return [sum[0] + more[0], sum[1] + more[1]];
}

function ageOf(state: JudgeState, reading: Reading): number | null {
  if (state.candidateAge !== null) return state.candidateAge + 1;
  return reading.requests[0] > 0 || reading.attempts[0][0] > 0 ? 0 : null;
}

function measuresOf(policy: JudgePolicy): readonly MeasureState[] {
  return (policy.measures ?? []).map((measure) => newMeasure(measure, measureWeight(measure, policy)));
}

function newCheck(check: JudgedCheck): CheckState {
  return {
    check,
    harm: NO_HARM,
    safe: NOTHING_WON,
    dispersion: NO_DISPERSION,
    line: null,
    ladder: check.kind === 'line' && check.required ? NEW_LADDER : null,
    counts: { step: NO_EVENTS, strata: [0, 0, 0], bet: NO_EVENTS, recent: NO_EVENTS },
  };
}

/** One more second for a judge that looks at intervals; what comes during the warm-up is left out. */
function look(state: JudgeState, second: JudgedSecond): JudgeState {
  const { rule, candidateAge, warmUpSeconds } = state;
  if (rule === null || candidateAge === null || candidateAge < warmUpSeconds) return state;
  const of = (slot: JudgeState['stable']): JudgedSecond['replicas'] =>
    second.replicas.filter((replica) => replica.slot === slot);
  const { measured = [] } = second;
  const next = ruleSecond(rule, { candidate: of(state.candidate), stable: of(state.stable), measured });
  return { ...state, rule: next, judgedSeconds: state.judgedSeconds + 1 };
}

function bet(state: JudgeState, reading: Reading, entered: boolean): JudgeState {
  const { candidate, stable } = state.replicas;
  const context: CheckContext = {
    reading,
    share: judgedShare(state),
    replicaShare: candidate + stable > 0 ? candidate / (candidate + stable) : 0,
    askedShare: state.step.askedPercent / 100,
    perCandidate: state.unit === 'identity',
    prior: startPrior({
      second: state.judgedSeconds,
      plannedSeconds: state.plannedSeconds,
      stepsBefore: entered ? state.stepsEntered - 1 : 0,
    }),
    linesMuted:
      state.candidateAge === null ||
      state.candidateAge < Math.max(state.warmUpSeconds, state.settling.mutedUntilAge),
    table: tableOnce(),
  };
  const checks = state.checks.map((check) => advanceCheck(check, context));
  return { ...state, checks, judgedSeconds: state.judgedSeconds + 1 };
}

/**
 * The candidate's share of the units, 0 to 1. Requests: the share seen in this step, so that stickiness outside cannot be
 * taken for harm. Identities: the share asked for, which the draw makes exact; in the second of a change, the larger one.
 */
function judgedShare(state: JudgeState): number {
  const { askedPercent, formerPercent, seconds, units } = state.step;
  if (state.unit === 'identity') {
    const asked = seconds === 1 ? Math.max(askedPercent, formerPercent % 100) : askedPercent;
    return asked / 100;
  }
  return realisedShare(askedPercent / 100, units);
}

/** Checks of one margin and share need one table in a second, not one each. */
function tableOnce(): CheckContext['table'] {
  const made: { bets: readonly number[]; ratio: number; add: number; share: number; table: BetTable }[] = [];
  return (bets: readonly number[], margin: Margin, share: number): BetTable => {
    for (const one of made) {
      if (one.bets === bets && one.ratio === margin.ratio && one.add === margin.add && one.share === share) {
        return one.table;
      }
    }
    const table = betTable(bets, margin, share);
    made.push({ bets, ratio: margin.ratio, add: margin.add, share, table });
    return table;
  };
}
