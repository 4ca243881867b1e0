/**
 * `npm run e2e:kills`: kill -9 of the controller before and after each of its journal commits, through a canary and a
 * blue-green rollout, under load. First counts the commits N, then dies at each. 0 failed requests, and each rollout ends
 * as the one that nobody killed. `--every K` tries each K-th point only.
 */
import { once } from 'node:events';
import { cp, readFile, writeFile } from 'node:fs/promises';
import { get, type IncomingMessage } from 'node:http';
import { join } from 'node:path';
import { json } from 'node:stream/consumers';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { createWorld, type Controller, type World } from './harness.ts';
import type { KillPlan } from './kill-points.ts';
import { forkLoad, type RemoteLoad } from './load/remote.ts';
import { freePorts, freeRange } from './ports.ts';

const SHOP = fileURLToPath(new URL('../../examples/node-shop', import.meta.url));
const KILL_POINTS = fileURLToPath(new URL('kill-points.ts', import.meta.url));
const CANARY =
  '{canary: {steps: [50%, 100%], dwell: {at-least: 1s, at-most: 2s}, bake: 0, warm-up: 0, watch: 1s, keep-old: 1s, when-unsure: {wait: 0, then: advance}}}';
const PATIENT_CANARY = CANARY.replace('at-least: 1s, at-most: 2s', 'at-least: 30s, at-most: 50s');
/** What is rolled out, and how the rollout ends when nobody kills anything. */
const SCENARIOS = {
  canary: { strategy: CANARY, errorRate: 0, ends: 'done, serves the new version' },
  'bad canary': { strategy: PATIENT_CANARY, errorRate: 0.3, ends: 'rolled-back, serves the old version' },
  'blue-green': {
    strategy: '{blue-green: {watch: 1s, keep-old: 1s}}',
    errorRate: 0,
    ends: 'done, serves the new version',
  },
} as const;
type Scenario = keyof typeof SCENARIOS;
const ROLLOUT_WITHIN_MS = 60_000;
/** Past the end of every rollout there are at most this many commits of giving up the old version. */
const MOST_COMMITS = 60;

type Row = {
  readonly scenario: Scenario;
  readonly point: string;
  readonly killed: boolean;
  readonly ends: string;
  readonly tookMs: number;
};

/** A controller that is started again whenever it died, as systemd would. */
class Supervised {
  readonly #world: World;
  readonly #env: Readonly<Record<string, string>>;
  #controller: Controller | null = null;
  #stopped = false;
  deaths = 0;

  constructor(world: World, killFile: string) {
    this.#world = world;
    this.#env = { NODE_OPTIONS: `--import ${KILL_POINTS}`, BASCULE_KILL_FILE: killFile };
  }

  async start(args: readonly string[]): Promise<void> {
    this.#controller = await this.#world.serve({ args, env: this.#env });
    void this.#controller.ended.then(() => {
      this.deaths += 1;
      if (!this.#stopped) this.#again(args);
    });
  }

  #again(args: readonly string[]): void {
    this.start(args).catch((error: unknown) => {
      if (!this.#stopped) process.stderr.write(`the controller does not come back: ${String(error)}\n`);
    });
  }

  /** It is not started again from now on. */
  abandon(): void {
    this.#stopped = true;
  }

  async stop(): Promise<void> {
    this.abandon();
    await this.#controller?.stop('SIGTERM');
  }
}

async function main(): Promise<number> {
  const { values } = parseArgs({ options: { every: { type: 'string', default: '1' } } });
  const every = Number(values.every);
  const world = await createWorld();
  let load: RemoteLoad | null = null;
  let stage: Stage | null = null;
  try {
    stage = await setUp(world);
    load = forkLoad({
      port: stage.port,
      perSecond: 300,
      users: 300,
      uploads: 1,
      downloads: 1,
      streams: 2,
      transferMs: 1500,
    });
    stage.load = load;
    const rows: Row[] = [];
    for (const scenario of Object.keys(SCENARIOS) as Scenario[]) {
      const calm = await oneRollout(stage, scenario, null);
      const commits = (await readPlan(stage.killFile)).commits;
      rows.push(calm);
      process.stdout.write(`${scenario}: ${commits} commits; ${calm.ends} after ${calm.tookMs} ms\n`);
      for (let killAt = 1; killAt <= Math.min(commits, MOST_COMMITS); killAt += every) {
        for (const side of ['before', 'after'] as const) {
          const row = await oneRollout(stage, scenario, { killAt, side });
          rows.push(row);
          process.stdout.write(
            `  ${row.point.padEnd(10)} ${row.killed ? 'killed' : 'no such commit'}  ${row.ends}  ${row.tookMs} ms\n`,
          );
        }
      }
    }
    await stage.controller.stop();
    return await report(rows, load);
  } finally {
    stage?.controller.abandon();
    load?.kill();
    await world.close();
  }
}

type Stage = {
  readonly world: World;
  readonly controller: Supervised;
  readonly shop: string;
  readonly killFile: string;
  readonly port: number;
  /** Null until the first version serves. */
  load: RemoteLoad | null;
  /** What served after the last rollout. */
  stable: string | null;
  next: number;
};

async function setUp(world: World): Promise<Stage> {
  const shop = join(world.directory, 'shop');
  await cp(SHOP, shop, { recursive: true });
  const [port] = await freePorts(1);
  const first = await freeRange(8);
  const killFile = join(world.directory, 'kill.json');
  const serverFile = join(world.directory, 'server.yaml');
  await writeFile(serverFile, `slot-ports: ${first}-${first + 7}\nproxy-workers: 2\n`);
  await writePlan(killFile, { killAt: null, side: 'before' });
  const controller = new Supervised(world, killFile);
  await controller.start(['--config', serverFile]);
  const stage: Stage = { world, controller, shop, killFile, port: port!, load: null, stable: null, next: 1 };
  const first_ = await oneRollout(stage, 'blue-green', null);
  if (first_.ends !== SCENARIOS['blue-green'].ends) throw new Error(`the first version: ${first_.ends}`);
  return stage;
}

/** One release from start to end, old version given up; the controller dies once on the way where asked. */
async function oneRollout(
  stage: Stage,
  scenario: Scenario,
  kill: Pick<KillPlan, 'killAt' | 'side'> | null,
): Promise<Row> {
  const label = `v${stage.next}`;
  stage.next += 1;
  await writeFile(
    join(stage.shop, 'version.json'),
    `${JSON.stringify({ version: label, errorRate: SCENARIOS[scenario].errorRate })}\n`,
  );
  await writeFile(join(stage.shop, 'bascule.yaml'), fileOf(stage.port, scenario));
  await writePlan(stage.killFile, kill ?? { killAt: null, side: 'before' });
  const deaths = stage.controller.deaths;
  const started = Date.now();
  await insisted(stage, ['deploy', 'shop', '--version', label, '--detach', '--json'], started);
  const view = await settled(stage, label, started);
  const tookMs = Date.now() - started;
  const killed = stage.controller.deaths > deaths;
  const point = kill === null ? 'not killed' : `${kill.side} ${kill.killAt}`;
  const row = {
    scenario,
    point,
    killed,
    ends: `${view.outcome}, serves ${view.stable === label ? 'the new version' : view.stable === stage.stable ? 'the old version' : String(view.stable)}`,
    tookMs,
  };
  stage.stable = view.stable;
  return row;
}

/** Repeats a verb while the controller is being started again; every verb may be repeated. */
async function insisted(stage: Stage, args: readonly string[], started: number): Promise<string> {
  for (;;) {
    const ran = await stage.world.run(args, { cwd: stage.shop });
    if (ran.code === 0) return ran.stdout;
    if (Date.now() - started > ROLLOUT_WITHIN_MS)
      throw new Error(`${args.join(' ')}: exit ${ran.code}\n${ran.stderr}`);
    await sleep(100);
  }
}

type Seen = { readonly outcome: string; readonly stable: string | null };

/** Until the rollout of this label is over and both the old version and its last commit are gone. */
async function settled(stage: Stage, label: string, started: number): Promise<Seen> {
  for (;;) {
    const service = await seen(stage, started);
    // Event streams that a changed route ends in order are counted apart, whichever of the changes it was.
    await stage.load?.switched();
    const over = service.rollout === null && service.last?.label === label;
    const alone = Object.values(service.slots).filter(({ role }) => role !== 'free').length <= 1;
    if (over && alone) {
      await sleep(300);
      return { outcome: service.last?.outcome ?? 'none', stable: service.stable };
    }
    if (Date.now() - started > ROLLOUT_WITHIN_MS)
      return { outcome: `stuck: ${JSON.stringify(service)}`, stable: service.stable };
    await sleep(100);
  }
}

/** Asks the API itself: a command a tenth of a second would be load of its own. */
async function seen(stage: Stage, started: number): Promise<ServiceSeen> {
  const socketPath = join(stage.world.stateDirectory, 'sockets', 'viewer.sock');
  for (;;) {
    try {
      const answer = (await getJson({ socketPath, path: '/api/v1/services/shop' })) as {
        service: ServiceSeen;
      };
      return answer.service;
    } catch (error) {
      if (Date.now() - started > ROLLOUT_WITHIN_MS) throw error;
      await sleep(50);
    }
  }
}

async function getJson(where: { readonly socketPath: string; readonly path: string }): Promise<unknown> {
  const [response] = (await once(get({ ...where, timeout: 5000 }), 'response')) as [IncomingMessage];
  return json(response);
}

type ServiceSeen = {
  readonly stable: string | null;
  readonly rollout: object | null;
  readonly last: { readonly label: string; readonly outcome: string | null } | null;
  readonly slots: Readonly<Record<string, { readonly role: string }>>;
};

function fileOf(port: number, scenario: Scenario): string {
  return `version: 1
services:
  shop:
    run: node server.mjs
    health: {path: /healthz, interval: 200ms}
    listen: 127.0.0.1:${port}
    drain: 3s
    stream-grace: 1s
    strategy: ${SCENARIOS[scenario].strategy}
`;
}

async function readPlan(path: string): Promise<KillPlan> {
  return JSON.parse(await readFile(path, 'utf8')) as KillPlan;
}

async function writePlan(path: string, plan: Pick<KillPlan, 'killAt' | 'side'>): Promise<void> {
  await writeFile(path, JSON.stringify({ commits: 0, ...plan }));
}

async function report(rows: readonly Row[], load: RemoteLoad): Promise<number> {
  const seen = await load.stop();
  const strange = rows.filter((row) => row.ends !== SCENARIOS[row.scenario].ends);
  const kills = rows.filter((row) => row.killed).length;
  process.stdout.write(
    `\n${rows.length} rollouts, ${kills} kills -9; ${rows.length - strange.length} ended as the one that nobody killed\n`,
  );
  const { uploads, downloads, streams } = seen;
  process.stdout.write(
    `${seen.answered} requests, ${uploads.done} uploads, ${downloads.done} downloads, ${streams.opened} event streams (${streams.endedProperly} ended properly)\n`,
  );
  process.stdout.write(`${seen.failed} failed requests\n`);
  for (const example of seen.examples) process.stdout.write(`${JSON.stringify(example)}\n`);
  for (const row of strange) process.stdout.write(`NOT AS EXPECTED: ${JSON.stringify(row)}\n`);
  return strange.length === 0 && seen.failed === 0 && kills > 0 ? 0 : 1;
}

process.exitCode = await main();
