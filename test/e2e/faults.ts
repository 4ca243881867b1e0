/**
 * `npm run e2e:faults [-- --proxy builtin,nginx,haproxy --only leak]`: the shop with real faults, through the real program and
 * each proxy: what came of it, after how long, whom it hit, and what `plan` had said before. Fails where an outcome is not the
 * expected one, or where a fault was found at more than twice the time that was foreseen, or less than half of it.
 */
import { chmod, copyFile, rm, writeFile } from 'node:fs/promises';
import { loadavg } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import type { JudgeView } from '../../src/controller/judge-view.ts';
import type { PlanView, RolloutView } from '../../src/controller/views.ts';
import { tableOf } from '../../src/cli/markdown.ts';
import { canary, openStage, told, type App, type Scope, type Stage } from './stage.ts';

const PER_SECOND = 60;
/** Of stable alone, before a plan is asked for: what it foresees rests on it, and so do the judge's lines. */
const BEFORE_MS = 25_000;
const WITHIN_MS = 150_000;
/** Whole seconds, the way of counts from the proxy, and the clock's own: no factor is asked of them. */
const SLACK_SECONDS = 3;
const STRATEGY = canary({
  steps: ['20%', '50%', '100%'],
  dwell: { 'at-least': '15s', 'at-most': '40s' },
  sticky: 'none',
  'warm-up': '10s',
});

type Scenario = {
  readonly name: string;
  readonly release: object;
  /** What `plan` calls it, or null: it tells of faults that are there from the start alone. */
  readonly planned: string | null;
  readonly outcomes: readonly (RolloutView['outcome'] & string)[];
  /** Once it has a share: something that happens to both versions. */
  readonly stalls?: true;
};

const SCENARIOS: readonly Scenario[] = [
  { name: 'healthy', release: {}, planned: null, outcomes: ['done'] },
  bad('100 % errors', { errorRate: 1 }, 'every request fails'),
  bad('50 % errors', { errorRate: 0.5 }, 'half of them fail'),
  bad('5 % errors', { errorRate: 0.05 }, '+5pp errors'),
  // Near what this traffic can find: either is right, and plan says which is likelier.
  { name: '1 % errors', release: { errorRate: 0.01 }, planned: null, outcomes: ['done', 'rolled-back'] },
  bad('handlers 3 × as slow', { slowdown: 3 }, 'three times as slow'),
  { ...bad('leak: 1 pp more errors a second', { fault: { leakPerSecond: 0.01 } }, ''), planned: null },
  { name: 'cold start, 5 s', release: { fault: { coldSeconds: 5 } }, planned: null, outcomes: ['done'] },
  { name: 'shared database stalls, 6 s', release: {}, planned: null, outcomes: ['done'], stalls: true },
];

function bad(name: string, release: object, planned: string): Scenario {
  return { name, release, planned, outcomes: ['rolled-back'] };
}

const PROXIES: Readonly<Record<string, object>> = {
  builtin: {},
  nginx: { proxy: { nginx: { managed: true } } },
  haproxy: { proxy: { haproxy: { managed: true } } },
};

type Row = {
  readonly proxy: string;
  readonly scenario: string;
  readonly outcome: string;
  readonly seconds: number | null;
  readonly hit: number;
  readonly requests: number;
  readonly foreseen: number | null;
  readonly problem: string | null;
};

async function main(): Promise<number> {
  const { values } = parseArgs({ options: { proxy: { type: 'string' }, only: { type: 'string' } } });
  const proxies = (values.proxy ?? 'builtin,nginx,haproxy').split(',');
  const scenarios = SCENARIOS.filter(({ name }) => name.includes(values.only ?? ''));
  const ends: (() => Promise<void>)[] = [];
  const scope: Scope = { after: (close) => void ends.push(close) };
  const rows: Row[] = [];
  try {
    for (const proxy of proxies) rows.push(...(await playAll(proxy, scenarios, scope)));
  } finally {
    for (const end of ends.toReversed()) await end();
  }
  report(rows);
  return rows.length > 0 && rows.every(({ problem }) => problem === null) ? 0 : 1;
}

async function playAll(proxy: string, scenarios: readonly Scenario[], scope: Scope): Promise<readonly Row[]> {
  const settings = PROXIES[proxy];
  if (settings === undefined) throw new Error(`--proxy takes ${Object.keys(PROXIES).join(', ')}`);
  const stage = await openStage(scope);
  // Workers of other proxies are of another user where this one is root.
  await chmod(stage.world.directory, 0o755);
  const rows: Row[] = [];
  for (const [index, scenario] of scenarios.entries()) {
    const row = await play(stage, { name: `shop-${index}`, proxy, settings, scenario });
    const took = row.seconds === null ? '' : ` after ${row.seconds} s (foreseen ${row.foreseen ?? '–'})`;
    const hit = `, ${row.hit} of ${row.requests} requests failed`;
    const problem = row.problem === null ? '' : `: ${row.problem}`;
    process.stderr.write(`${proxy}, ${scenario.name}: ${row.outcome}${took}${hit}${problem}\n`);
    rows.push(row);
  }
  return rows;
}

async function play(
  stage: Stage,
  { name, proxy, settings, scenario }: { name: string; proxy: string; settings: object; scenario: Scenario },
): Promise<Row> {
  const stallFile = join(stage.world.directory, `${name}.stall`);
  const app = await stage.app(name, {
    ...settings,
    run: 'node faulty-shop.mjs',
    env: { STALL_FILE: stallFile },
    strategy: STRATEGY,
  });
  await copyFile(new URL('faulty-shop.mjs', import.meta.url), join(app.directory, 'faulty-shop.mjs'));
  const first = await app.deploy('v1');
  if (first.code !== 0) throw new Error(told(first));
  const load = app.load({ perSecond: PER_SECOND, users: 300, requests: ['GET /', 'GET /product/tea'] });
  try {
    await sleep(BEFORE_MS);
    await app.write('version.json', JSON.stringify({ version: 'v2', ...scenario.release }));
    const foreseen = await foresee(app, scenario);
    const { rollout, judged } = await rollOut(app, scenario, stallFile);
    return rowOf(proxy, scenario, { rollout, judged, foreseen });
  } finally {
    await load.stop();
    await app.verb('remove', '--yes');
  }
}

async function foresee(app: App, { planned }: Scenario): Promise<number | null> {
  const ran = await app.run(['plan', app.name, '--version', 'v2', '--json']);
  const { plan } = JSON.parse(ran.stdout) as { plan: PlanView };
  const fault = plan.foresight?.faults.find((one) => one.fault === planned);
  return fault?.foundAfterSeconds ?? null;
}

async function rollOut(
  app: App,
  { release, stalls }: Scenario,
  stallFile: string,
): Promise<{ readonly rollout: RolloutView; readonly judged: JudgeView | null }> {
  const id = await app.deployDetached('v2', release);
  if (stalls === true) {
    await app.untilDwelling();
    await sleep(5000);
    await writeFile(stallFile, '');
    await sleep(6000);
    await rm(stallFile);
  }
  await app.until('no rollout under way', (view) => view.rollout === null, {
    withinMs: WITHIN_MS,
    everyMs: 200,
  });
  const history = await app.run(['history', app.name, '--json']);
  const { rollouts } = JSON.parse(history.stdout) as { rollouts: readonly RolloutView[] };
  const rollout = rollouts.find((one) => one.id === id)!;
  const again = await app.run(['judge', '--rollout', id, '--recorded', '--json']);
  const judged = again.code === 0 ? (JSON.parse(again.stdout) as { judge: JudgeView }).judge : null;
  return { rollout, judged };
}

function rowOf(
  proxy: string,
  scenario: Scenario,
  seen: {
    readonly rollout: RolloutView;
    readonly judged: JudgeView | null;
    readonly foreseen: number | null;
  },
): Row {
  const { rollout, judged, foreseen } = seen;
  const seconds = judged?.seconds.judged ?? null;
  const isBack = rollout.outcome !== 'done';
  return {
    proxy,
    scenario: scenario.name,
    outcome: rollout.outcome ?? 'under way',
    seconds: isBack ? seconds : null,
    hit: rollout.traffic?.candidate.failed ?? 0,
    requests: rollout.traffic?.candidate.requests ?? 0,
    foreseen,
    problem: problemOf(scenario, { ...seen, seconds }),
  };
}

function problemOf(
  { outcomes, planned }: Scenario,
  seen: {
    readonly rollout: RolloutView;
    readonly judged: JudgeView | null;
    readonly foreseen: number | null;
    readonly seconds: number | null;
  },
): string | null {
  const { rollout, judged, foreseen, seconds } = seen;
  if (!outcomes.some((outcome) => outcome === rollout.outcome))
    return `not ${outcomes.join(' or ')}: ${rollout.reason}`;
  if (judged?.sameVerdict !== true) return 'not judged the same once more';
  if (planned === null) return null;
  if (foreseen === null) return 'plan did not foresee it';
  if (seconds! > 2 * foreseen + SLACK_SECONDS)
    return `foreseen after ${foreseen} s, found after ${seconds} s`;
  return seconds! + SLACK_SECONDS < foreseen / 2
    ? `foreseen after ${foreseen} s, found after ${seconds} s`
    : null;
}

function report(rows: readonly Row[]): void {
  const cells = rows.map(({ proxy, scenario, outcome, seconds, hit, requests, foreseen, problem }) => [
    proxy,
    scenario,
    outcome,
    seconds === null ? '–' : `${seconds} s`,
    foreseen === null ? '–' : `${foreseen} s`,
    `${hit} of ${requests}`,
    problem ?? 'as expected',
  ]);
  const head = [
    'proxy',
    'the new version',
    'outcome',
    'found after',
    'foreseen',
    'its requests that failed',
    '',
  ];
  process.stdout.write(`${tableOf(head, cells).join('\n')}\n\n`);
  process.stdout.write(`${PER_SECOND} requests a second, load average ${loadavg()[0]!.toFixed(1)}\n`);
}

process.exitCode = await main();
