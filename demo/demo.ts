/**
 * The demo: a shop under steady load, a good release, a bad one, a switch and the way back. Everything is the real thing:
 * the commands are those that people type, the server, proxy, processes and judge those in use.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { ServiceView } from '../src/controller/views.ts';
import { messageOf } from '../src/lib/errors.ts';
import { forkLoad, type RemoteLoad } from '../test/e2e/load/remote.ts';
import { progressOf } from './progress.ts';
import { bad, chapter, columns, command, good, live, output, plain, silence, still } from './stage.ts';
import { openWorld, type World } from './world.ts';

const CANARY = [
  'strategy:',
  '  canary:',
  '    steps: [20%, 50%, 100%]',
  '    dwell: {at-least: 6s, at-most: 20s}   # short, for a demo; the presets take minutes',
  '    bake: 0',
  '    warm-up: 2s',
  '    watch: 4s',
  '    judge:',
  '      error-rate: {worse-by: 3pp}',
  '      p90: {worse-by: 50%}',
];
const BLUE_GREEN = ['strategy:', '  blue-green: {watch: 4s, keep-old: 10m}'];
const REQUESTS_PER_SECOND = 400;
const PEOPLE = 3000;
const LOOK_MS = 500;
/** Into the second step, when both sides have something to show. */
const STATUS_SECONDS = 4;

type Story = { readonly world: World; readonly load: RemoteLoad };
type Outcome = Readonly<Record<'promoted' | 'rolledBack' | 'switched', boolean>>;

async function tell(world: World, onLoad: (load: RemoteLoad) => void): Promise<number> {
  await firstVersion(world);
  const load = forkLoad({
    port: world.port,
    perSecond: REQUESTS_PER_SECOND,
    users: PEOPLE,
    streams: 2,
    downloads: 1,
    uploads: 1,
  });
  onLoad(load);
  onMove = () => void load.switched();
  plain('');
  good(
    `load: ${REQUESTS_PER_SECOND} requests a second by ${PEOPLE} people, besides downloads, uploads and event streams`,
  );
  const story = { world, load };
  const promoted = await goodCanary(story);
  const rolledBack = await badCanary(story);
  const switched = await blueGreen(story);
  return theEnd(await load.stop(), { promoted, rolledBack, switched });
}

async function firstVersion(world: World): Promise<void> {
  chapter(
    'v1 is the first version',
    'It must be healthy, then it gets all traffic: there is nothing yet to compare it with.',
  );
  await world.writeVersion({ version: 'v1' });
  const code = await typed(world, ['deploy', 'shop', '--version', 'v1']);
  if (code !== 0) throw new Error(`the first version did not start (exit ${code}, see above)`);
}

async function goodCanary({ world }: Story): Promise<boolean> {
  chapter(
    'v2 is good',
    'A canary: 20% of the people, then 50%, judged against v1 on the same traffic. It may have at most 3 points more errors, and a 90th percentile of response times at most 50% higher.',
  );
  await world.writeVersion({ version: 'v2' });
  let shown = false;
  const code = await typed(world, ['deploy', 'shop', '--version', 'v2'], {
    onLook: async ({ rollout }) => {
      const seconds = rollout?.steps[rollout.stepIndex]?.seconds ?? 0;
      if (shown || rollout?.sharePercent !== 50 || seconds < STATUS_SECONDS) return;
      shown = true;
      const lines: string[] = [];
      await world.run(['status', 'shop'], columns(), (line) => void lines.push(line));
      command('bascule status shop        # meanwhile, in another terminal');
      for (const line of lines) output(line);
      plain('');
    },
  });
  if (code === 0) good('v2 serves everyone (exit 0)');
  else bad(`v2 was not promoted (exit ${code})`);
  return code === 0;
}

async function badCanary({ world }: Story): Promise<boolean> {
  chapter(
    'v3 is bad',
    'The same code, but 8% of its pages fail and it takes 1.6 times as long. Nobody tells Bascule.',
  );
  await world.writeVersion({ version: 'v3', errorRate: 0.08, slowdown: 1.6 });
  const code = await typed(world, ['deploy', 'shop', '--version', 'v3']);
  const rollout = (await world.shop())?.last?.id;
  if (rollout !== undefined) await typed(world, ['why', rollout]);
  plain('');
  if (code === 10) good('v3 was taken back by its numbers; in CI the job would have failed with exit 10');
  else bad(`v3 ended with exit ${code}`);
  return code === 10;
}

async function blueGreen({ world, load }: Story): Promise<boolean> {
  chapter(
    'v4 takes all traffic in one switch',
    'Blue-green: the old version stays warm, and going back is another switch.',
  );
  await world.writeStrategy(BLUE_GREEN);
  await world.writeVersion({ version: 'v4' });
  const code = await typed(world, ['deploy', 'shop', '--version', 'v4']);
  await switchTime(world, 'v4');
  await load.switched();
  const startedMs = performance.now();
  const firstAnswer = load.served('v2', 1, 20_000).then(() => performance.now() - startedMs);
  const [back, tookMs] = await Promise.all([typed(world, ['rollback', 'shop']), firstAnswer]);
  await switchTime(world, 'v2');
  good(`v2 answered ${Math.round(tookMs)} ms after the command was typed, the start of the command included`);
  return code === 0 && back === 0;
}

/** The journal has the times: of the decision, and of the route in use by every worker of the proxy. */
async function switchTime(world: World, label: string): Promise<void> {
  const service = await world.shop();
  const { events } = await world.why((service!.rollout ?? service!.last)!.id);
  const timeOf = (words: string): number =>
    events.find(({ says }) => says.some((sentence) => sentence.includes(words)))?.atMs ?? Number.NaN;
  const tookMs = timeOf(`PROMOTED: 100% on ${label}`) - timeOf(`all traffic to ${label}`);
  plain('');
  good(
    `the switch to ${label} took ${tookMs} ms by the journal: decided, written, in use by every worker of the proxy`,
  );
}

type LoadReport = Awaited<ReturnType<RemoteLoad['stop']>>;

function theEnd(report: LoadReport, outcome: Outcome): number {
  chapter(
    'What the people saw',
    'Failed: refused, reset, truncated, late, or a status that no version sent. Nobody retried.',
  );
  for (const [version, { ok, clientErrors, serverErrors }] of Object.entries(report.versions))
    plain(
      `${version}  ${String(ok + clientErrors).padStart(6)} pages, ${String(serverErrors).padStart(3)} of its own errors`,
    );
  plain(
    `${report.uploads.done} uploads and ${report.downloads.done} downloads whole, ${report.streams.events} events in order`,
  );
  plain('');
  for (const example of report.examples) plain(JSON.stringify(example));
  (report.failed === 0 ? good : bad)(`${report.failed} requests failed because of a release`);
  (outcome.promoted ? good : bad)('one version was judged and promoted');
  (outcome.rolledBack ? good : bad)('one version was judged and rolled back');
  (outcome.switched ? good : bad)('one switch, and one way back');
  const fine = report.failed === 0 && outcome.promoted && outcome.rolledBack && outcome.switched;
  plain('');
  plain(
    fine
      ? 'Next: docs/getting-started.md puts your own application behind it.'
      : 'Something did not go as it should. A busy machine can be the reason: try again when it is idle; if it stays so, please open an issue with this output.',
  );
  return fine ? 0 : 1;
}

/** Lines after which event streams may be ended in order, to open again on the other version. */
const MOVES_TRAFFIC = /step \d|all traffic|100% on/u;
let onMove: () => void = () => undefined;

type Watching = { readonly onLook?: (service: ServiceView) => Promise<void> };

/** Shows a command as typed, what it printed, and while it runs, where the rollout stands. */
async function typed(world: World, args: readonly string[], { onLook }: Watching = {}): Promise<number> {
  command(`bascule ${args.join(' ')}`);
  const over = new AbortController();
  const looking = look(world, over.signal, onLook);
  const code = await world.run(args, columns(), (line) => {
    if (MOVES_TRAFFIC.test(line)) onMove();
    output(line);
  });
  over.abort();
  await looking;
  still();
  return code;
}

async function look(world: World, over: AbortSignal, onLook: Watching['onLook']): Promise<void> {
  while (!over.aborted) {
    const service = await world.shop();
    const line = service === null ? null : progressOf(service);
    if (line !== null && !over.aborted) live(line);
    if (service !== null) await onLook?.(service);
    await sleep(LOOK_MS, undefined, { signal: over }).catch(() => undefined);
  }
}

const INTERRUPTED = 130;

async function main(): Promise<number> {
  const interrupted = Promise.withResolvers<number>();
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const)
    process.on(signal, () => interrupted.resolve(INTERRUPTED));
  // Also a fault of the demo itself leaves no process behind.
  process.on('uncaughtException', (error) => interrupted.reject(error));
  chapter(
    'Bascule',
    'A shop, its proxy and real load on this machine; four releases follow, in about a minute.',
  );
  const opening = openWorld(CANARY);
  let load: RemoteLoad | null = null;
  const story = opening.then((world) => tell(world, (started) => (load = started)));
  try {
    const code = await Promise.race([story, interrupted.promise]);
    if (code !== INTERRUPTED) return code;
    bad('interrupted: ending every process of the demo');
    silence();
    return code;
  } catch (error) {
    bad(`The demo could not go on: ${messageOf(error)}`);
    plain(
      'Everything that it started is ended. Try again when the machine is idle; if it stays so, please open an issue with this output.',
    );
    return 1;
  } finally {
    (load as RemoteLoad | null)?.kill();
    await opening.then((world) => world.close()).catch(() => undefined);
  }
}

// An interrupted story still waits for things that will never come.
process.exit(await main());
