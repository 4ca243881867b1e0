/** This judge, as it ships: the plan of a strategy, its steps, and what follows an undecided dwell, from the product's own code. */
import { judgeSecond, startJudge } from '../../src/judge/judge.ts';
import type { JudgedSecond, JudgeState } from '../../src/judge/state.ts';
import { briefOf } from '../../src/judge/verdict.ts';
import { planRollout, plannedSeconds, type Plan, type ShareStep } from '../../src/release/plan.ts';
import { resolvePolicy } from '../../src/release/resolve-policy.ts';
import type { ServiceInput } from '../../src/release/schema.ts';
import { actWhenUnsure, dwellAnswer } from '../../src/rollout/dwell.ts';
import { SPEC } from '../../src/rollout/fixtures.ts';
import type { ReplicaSecond } from '../../src/traffic/counts.ts';
import { requestsOn, type Outcome } from './outcome.ts';
import { secondOf, type Traffic } from './traffic.ts';

/** What is held has no end of its own: a person would look at it by now. */
const MOST_HELD_SECONDS = 900;
/** As much as the controller hands the judge. */
const BASELINE_SECONDS = 600;

/** The plan of a `strategy:` as it would stand in a file. */
export function planOf(strategy: ServiceInput['strategy']): Plan {
  const problems: Parameters<typeof resolvePolicy>[2] = [];
  const policy = resolvePolicy(strategy, ['strategy'], problems);
  if (problems.length > 0) throw new Error(problems[0]!.message);
  return planRollout({ ...SPEC, policy }, { firstDeploy: false });
}

export function runOurs(plan: Plan, traffic: Traffic): Outcome {
  const unit = plan.sticky.by === 'none' ? 'request' : 'identity';
  const before: ReplicaSecond[] = [];
  for (let age = -BASELINE_SECONDS; age < 0; age++) before.push(...traffic(age, 0).replicas);
  const run: Run = {
    state: startJudge({
      policy: plan.judge,
      unit,
      stable: 'blue',
      candidate: 'green',
      plannedSeconds: plannedSeconds(plan),
      baselineBefore: before,
    }),
    age: 0,
    requests: 0,
  };
  const steps = plan.steps.filter((step): step is ShareStep => step.kind === 'share');
  for (const [index, step] of steps.entries()) {
    const end = dwellAt(run, { step, index, plan }, traffic);
    if (end !== 'advance') return { end, seconds: run.age, requests: run.requests };
  }
  return { end: 'promoted', seconds: run.age, requests: run.requests };
}

type Run = { state: JudgeState; age: number; requests: number };

function dwellAt(
  run: Run,
  at: { readonly step: ShareStep; readonly index: number; readonly plan: Plan },
  traffic: Traffic,
): Exclude<Outcome['end'], 'promoted'> | 'advance' {
  const { step, index, plan } = at;
  for (let held = 0; held < MOST_HELD_SECONDS;) {
    const seconds = traffic(run.age, step.percent / 100);
    const second: JudgedSecond = {
      second: secondOf(run.age),
      stepIndex: index,
      askedSharePercent: step.percent,
      ...seconds,
    };
    run.age += 1;
    run.requests += requestsOn('green', seconds.replicas);
    run.state = judgeSecond(run.state, second);
    const { overall, hold } = briefOf(run.state);
    if (overall === 'harmful' || overall === 'severe') return 'back';
    const { seconds: judged, requests } = run.state.step;
    const word = { overall, seconds: judged, requests: requests[0], reason: null, hold };
    const answer = dwellAnswer(step, word, plan.whenUnsure);
    if (answer.kind === 'advance') return 'advance';
    if (answer.kind === 'unsure') {
      const then = actWhenUnsure(answer, plan.whenUnsure);
      if (then === 'advance') return 'advance';
      return then === 'ask' ? 'asks' : 'undecided';
    }
    held = hold === null ? 0 : held + 1;
  }
  return 'held';
}
