import type { Rng } from '../../test/judge-traffic.ts';
import { argo, flagger, kayenta, peeking } from './others.ts';
import { planOf, runOurs } from './ours.ts';
import type { Outcome } from './outcome.ts';
import type { Scenario } from './scenarios.ts';
import type { Traffic } from './traffic.ts';

export type Contender = {
  readonly id: string;
  readonly name: string;
  readonly run: (traffic: Traffic, scenario: Scenario, rng: Rng) => Outcome;
  /** Part of the repetitions that it gets: slow ones of many minutes fewer. */
  readonly part: number;
  readonly takes?: (scenario: Scenario) => boolean;
};

/** The settings of the goal figures: 10 to 50 %, 10 s to 60 s each, up to 5 min where it is suspicious. */
const REFERENCE = {
  use: 'quick',
  steps: ['10%', '20%', '30%', '40%', '50%', '100%'],
  dwell: { 'at-least': '10s', 'at-most': '60s' },
  'when-unsure': { wait: '4m', then: 'advance' },
} as const;
/** Of the figures for people: three shares of a minute each. */
const PEOPLE = {
  ...REFERENCE,
  steps: ['5%', '25%', '50%', '100%'],
  dwell: { 'at-least': '60s', 'at-most': '60s' },
} as const;
const BAKE = '20m';

const plans = new Map<string, ReturnType<typeof planOf>>();

function ours(settings: Record<string, unknown>): Contender['run'] {
  return (traffic, scenario) => {
    const key = JSON.stringify([settings, scenario.sticky]);
    let plan = plans.get(key);
    if (plan === undefined) {
      const sticky = scenario.sticky === true ? 'cookie' : 'none';
      plan = planOf({ canary: { ...settings, sticky } });
      plans.set(key, plan);
    }
    return runOurs(plan, traffic);
  };
}

const usual = ours(REFERENCE);
const baking = ours({ ...REFERENCE, bake: BAKE });
const byPeople = ours(PEOPLE);
const patient = ours({ ...REFERENCE, 'warm-up': '60s' });

export const REFERENCE_ID = 'reference';

export const CONTENDERS: readonly Contender[] = [
  {
    id: REFERENCE_ID,
    name: 'this judge, reference',
    part: 1,
    run: (traffic, scenario, rng) =>
      (scenario.sticky === true ? byPeople : scenario.late === true ? baking : usual)(traffic, scenario, rng),
  },
  {
    id: 'warm-up',
    name: 'this judge, reference with warm-up: 60s',
    part: 1,
    run: patient,
    takes: ({ id }) => id.includes('cold'),
  },
  { id: 'quick', name: 'this judge, use: quick', part: 1, run: ours({ use: 'quick' }) },
  {
    id: 'standard',
    name: 'this judge, use: standard',
    part: 0.5,
    run: ours({ use: 'standard' }),
  },
  {
    id: 'careful',
    name: 'this judge, use: careful',
    part: 0.25,
    run: ours({ use: 'careful' }),
    // A rollout of hours, second by second: at the rate at which most is compared.
    takes: ({ rps }) => rps > 50 && rps < 200,
  },
  { id: 'flagger', name: 'Flagger-like', part: 0.5, run: (traffic) => flagger(traffic) },
  { id: 'argo-0', name: 'Argo-like, limit 0', part: 0.5, run: (traffic) => argo(0)(traffic) },
  { id: 'argo-1', name: 'Argo-like, limit 1', part: 0.5, run: (traffic) => argo(1)(traffic) },
  { id: 'kayenta', name: 'Kayenta-like', part: 0.25, run: (traffic, _, rng) => kayenta(rng)(traffic) },
  { id: 'peek', name: 'peeking at z > 2.33', part: 0.5, run: (traffic) => peeking(traffic) },
];
