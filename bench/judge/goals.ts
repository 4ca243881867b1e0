/** The goal figures of the judge, G1 to G14, of its reference settings. */
import { quantile, type Cell } from './compare.ts';
import { REFERENCE_ID } from './contenders.ts';
import type { Costs } from './cost.ts';
import { chanceBounds } from './exact.ts';
import { costGoals } from './goals-of-cost.ts';

export type Goal = {
  readonly id: string;
  readonly says: string;
  readonly found: string;
  /** `within chance`: beyond the goal, by no more than chance does in one of twenty such runs where it is met. */
  readonly word: 'met' | 'within chance' | 'MISSED';
};

type Find = (scenario: string, contender?: string) => Cell | null;

/** Goals whose scenarios were all run; `cost` is null where it was not measured. */
export function goalsOf(cells: readonly Cell[], cost: Costs | null): readonly Goal[] {
  const find: Find = (scenario, contender = REFERENCE_ID) =>
    cells.find((cell) => cell.scenario === scenario && cell.contender === contender) ?? null;
  const goals = [
    ...falseAlarms(find),
    ...OURS.map((contender) => guarantee(contender, find)),
    ...times(find),
    detection(find),
    ...healthyTimes(find),
  ];
  if (cost !== null) goals.push(...costGoals(cost));
  return goals.filter((goal) => goal !== null).toSorted((a, b) => numberOf(a) - numberOf(b));
}

const AA = [
  'aa-0.1@10',
  'aa-0.1@100',
  'aa-0.1@1000',
  'aa-1@10',
  'aa-1@100',
  'aa-1@1000',
  'aa-3@10',
  'aa-3@100',
  'aa-3@1000',
];
const INCIDENTS = [
  'incident-2m@10',
  'incident-2m@100',
  'incident-2m@1000',
  'incident-10m@100',
  'incident-10m@1000',
];
const SHARED = [...INCIDENTS, 'simpson@100', 'simpson@1000', 'sticky-1.3@10', 'sticky-1.3@1000'];
const CLUSTERS = ['clusters-5', 'clusters-20@100', 'clusters-20@1000', 'clusters-50'];
const PEOPLE = ['one-heavy', 'some-fail', 'few-some-fail'];
/** Real processes in which both versions are the same. */
const REAL = ['trace-same', 'trace-stall'];
/** Where what the guarantee assumes holds. */
const ASSUMED = [...AA, ...SHARED, ...CLUSTERS, ...PEOPLE, ...REAL];
const GUARANTEE = 0.01;
const LEAST_TWICE = 0.8;
const OURS = [REFERENCE_ID, 'quick', 'standard', 'careful'];

function falseAlarms(find: Find): readonly (Goal | null)[] {
  return [
    rate('G1', 'same version on both sides', { scenarios: AA, most: 0.003 }, find),
    rate(
      'G2',
      'shared incidents, moving shares, more traffic than asked for',
      { scenarios: SHARED, most: 0.005 },
      find,
    ),
    rate('G2', 'people who fail on every version', { scenarios: PEOPLE, most: 0.01 }, find),
    rate('G3', 'errors in clusters', { scenarios: CLUSTERS, most: 0.005 }, find),
    rate(
      'G3',
      'replicas that fail for 3 s and 10 s',
      { scenarios: ['hiccup-3s', 'hiccup-10s'], most: 0.025 },
      find,
    ),
    rate(
      'G12',
      'cold starts up to 30 s, or fading within 10 s',
      { scenarios: ['cold-10s', 'cold-30s', 'cold-t10'], most: 0.005 },
      find,
    ),
    rate('G12', 'cold start fading within 20 s', { scenarios: ['cold-t20'], most: 0.06 }, find),
    rate('G12', 'the same with warm-up: 60s', { scenarios: ['cold-t20'], most: 0.005 }, (id) =>
      find(id, 'warm-up'),
    ),
    rate('G13', 'a request in 5 s', { scenarios: ['tiny'], most: 0 }, find),
  ];
}

type Few = { readonly scenarios: readonly string[]; readonly most: number };

function rate(id: string, says: string, { scenarios, most }: Few, find: Find): Goal | null {
  const cells = scenarios.map((one) => find(one)).filter((cell) => cell !== null);
  if (cells.length < scenarios.length) return null;
  const back = sum(cells.map((cell) => cell.back));
  const runs = sum(cells.map((cell) => cell.runs));
  const word = fewEnough(back, runs, most);
  return {
    id,
    says: `gone back falsely, ${says}: at most ${percent(most)}`,
    found: parted(back, runs),
    word,
  };
}

/** The guarantee, of each scenario by itself, so that none hides behind the others. Those that a judge was not run through are left out. */
function guarantee(contender: string, find: Find): Goal | null {
  const cells = ASSUMED.map((one) => find(one, contender)).filter((cell) => cell !== null);
  if (cells.length < PEOPLE.length) return null;
  const worst = cells.reduce((most, cell) => (cell.back / cell.runs > most.back / most.runs ? cell : most));
  const [back, runs] = [sum(cells.map((cell) => cell.back)), sum(cells.map((cell) => cell.runs))];
  const words = new Set(cells.map((cell) => fewEnough(cell.back, cell.runs, GUARANTEE)));
  return {
    id: 'G1–G3',
    says: `${contender}, gone back falsely in each of ${cells.length} scenarios where the assumptions hold: at most ${percent(GUARANTEE)}`,
    found: `${back} of ${runs} in all; most in ${worst.scenario}: ${parted(worst.back, worst.runs)}`,
    word: words.has('MISSED') ? 'MISSED' : words.has('within chance') ? 'within chance' : 'met',
  };
}

function fewEnough(back: number, runs: number, most: number): Goal['word'] {
  if (back / runs <= most) return 'met';
  return most > 0 && chanceBounds(back, runs)[0] <= most ? 'within chance' : 'MISSED';
}

function enough(found: number, runs: number, least: number): Goal['word'] {
  if (found / runs >= least) return 'met';
  return least < 1 && chanceBounds(found, runs)[1] >= least ? 'within chance' : 'MISSED';
}

function parted(some: number, all: number): string {
  const [low, high] = chanceBounds(some, all);
  return `${some} of ${all} (${percent(some / all)}; 95 % bounds ${percent(low)} to ${percent(high)})`;
}

function times(find: Find): readonly (Goal | null)[] {
  return [
    median(
      ['G4', 'every request fails, 100 requests a second'],
      'dead@100',
      { seconds: 3, requests: 30 },
      find,
    ),
    median(['G5', '+5 pp, 10 requests a second'], 'plus-5@10', { seconds: 90 }, find),
    median(['G5', '+5 pp, 100 requests a second'], 'plus-5@100', { seconds: 12 }, find),
    median(['G5', '+5 pp, 1,000 requests a second'], 'plus-5@1000', { seconds: 4 }, find),
    median(['G6', '5 times 0.1 %, 100 requests a second'], 'x5@100', { seconds: 180, part: 0.98 }, find),
    median(['G6', '5 times 0.1 %, 1,000 requests a second'], 'x5@1000', { seconds: 30, part: 0.98 }, find),
    median(['G8', 'all 3 times as slow'], 'slow-3@100', { seconds: 40 }, find),
    median(['G8', 'all 1.5 times as slow'], 'slow-1.5@100', { seconds: 75 }, find),
    median(['G9', 'tail 1.5 times as slow'], 'tail-1.5@100', { seconds: 120, part: 0.99 }, find),
    median(['G9', 'tail 3 times as slow'], 'tail-3@100', { seconds: 95, part: 0.99 }, find),
    median(
      ['G10', '+5 pp after ten healthy minutes'],
      'late-jump',
      { seconds: 612, p95: 620, part: 0.99 },
      find,
    ),
    median(
      ['G13', 'every request fails, a request in 5 s'],
      'tiny-dead',
      { seconds: Infinity, requests: 5, part: 1 },
      find,
    ),
  ];
}

type Most = {
  readonly seconds: number;
  readonly p95?: number;
  readonly requests?: number;
  readonly part?: number;
};

function median(
  goal: readonly [id: string, says: string],
  scenario: string,
  most: Most,
  find: Find,
): Goal | null {
  const [id, says] = goal;
  const cell = find(scenario);
  if (cell === null) return null;
  const seconds = quantile(cell.backSeconds, 0.5);
  const p95 = quantile(cell.backSeconds, 0.95);
  const requests = quantile(cell.backRequests, 0.5);
  const part = cell.back / cell.runs;
  const wants = [
    ...(most.seconds === Infinity ? [] : [`${most.seconds} s`]),
    ...(most.p95 === undefined ? [] : [`p95 ${most.p95} s`]),
    ...(most.requests === undefined ? [] : [`${most.requests} requests`]),
    ...(most.part === undefined ? [] : [`found in ${percent(most.part)}`]),
  ];
  return {
    id,
    says: `${says}: ${wants.join(', ')}`,
    found: `${cell.back} of ${cell.runs} found (${percent(part)}), median ${seconds} s, p95 ${p95} s, ${requests} requests`,
    word:
      seconds <= most.seconds && p95 <= (most.p95 ?? Infinity) && requests <= (most.requests ?? Infinity)
        ? enough(cell.back, cell.runs, most.part ?? 0.5)
        : 'MISSED',
  };
}

function detection(find: Find): Goal | null {
  const cell = find('x2@1000');
  if (cell === null) return null;
  const { back, runs } = cell;
  const says = `twice 0.1 %, 1,000 requests a second: found in ${percent(LEAST_TWICE)}`;
  return { id: 'G7', says, found: parted(back, runs), word: enough(back, runs, LEAST_TWICE) };
}

function healthyTimes(find: Find): readonly (Goal | null)[] {
  const goals: readonly (readonly [scenario: string, most: number])[] = [
    ['aa-0.1@1000', 110],
    ['aa-1@1000', 160],
    ['aa-0.1@10', 300],
    ['aa-0.1@100', 300],
    ['aa-1@10', 300],
    ['aa-1@100', 300],
  ];
  return goals.map(([scenario, most]) => {
    const cell = find(scenario);
    if (cell === null) return null;
    const seconds = quantile(cell.doneSeconds, 0.5);
    return {
      id: 'G11',
      says: `through five steps, ${scenario}: ${most} s`,
      found: `${seconds} s`,
      word: seconds <= most ? 'met' : 'MISSED',
    };
  });
}

function numberOf({ id }: Goal): number {
  return Number(/\d+/u.exec(id)![0]);
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}

export function percent(fraction: number): string {
  return `${Number((100 * fraction).toFixed(2))} %`;
}
