/**
 * The demo: a shop under steady load, a good release, a bad one, a switch and the way back. Everything is the real thing:
 * the commands are those that people type, the server, proxy, processes and judge those in use.
 */
import { forkLoad, type RemoteLoad } from '../test/e2e/load/remote.ts';
import { bad, chapter, command, good, output, plain } from './stage.ts';
import { openWorld, type World } from './world.ts';

const CANARY = [
  'strategy:',
  '  canary:',
  '    steps: [10%, 50%, 100%]',
  '    dwell: {at-least: 5s, at-most: 12s}   # short, for a demo; the presets take minutes',
  '    bake: 0',
  '    warm-up: 2s',
  '    watch: 5s',
];
const BLUE_GREEN = ['strategy:', '  blue-green: {watch: 2m, keep-old: 10m}'];
const REQUESTS_PER_SECOND = 400;

async function main(): Promise<number> {
  chapter('Bascule', 'A shop, its built-in proxy and real load on this machine; four releases follow.');
  const world = await openWorld(CANARY);
  let load: RemoteLoad | null = null;
  try {
    await firstVersion(world);
    load = forkLoad({
      port: world.port,
      perSecond: REQUESTS_PER_SECOND,
      users: 600,
      streams: 2,
      downloads: 1,
      uploads: 1,
    });
    onMove = () => void load?.switched();
    plain(
      `load: ${REQUESTS_PER_SECOND} requests a second by 600 people, downloads, uploads and event streams`,
    );
    const promoted = await goodCanary(world);
    const rolledBack = await badCanary(world);
    const switched = await blueGreen(world, load);
    return await theEnd(load, { promoted, rolledBack, switched });
  } finally {
    load?.kill();
    await world.close();
  }
}

async function firstVersion(world: World): Promise<void> {
  chapter(
    'v1 is the first version',
    'It is gated on its health, and gets all traffic: there is nothing to compare it with.',
  );
  await world.writeVersion({ version: 'v1' });
  const code = await typed(world, ['deploy', 'shop', '--version', 'v1']);
  if (code !== 0) throw new Error(`the first version did not start (exit ${code})`);
}

async function goodCanary(world: World): Promise<boolean> {
  chapter('v2 is good', 'A canary: 10 % of the people, then 50 %, judged against v1 on the same traffic.');
  await world.writeVersion({ version: 'v2' });
  const code = await typed(world, ['deploy', 'shop', '--version', 'v2']);
  if (code === 0) good('v2 serves everyone (exit 0)');
  else bad(`v2 was not promoted (exit ${code})`);
  return code === 0;
}

async function badCanary(world: World): Promise<boolean> {
  chapter('v3 is bad', 'The same code, but 6 % of its pages fail and it is slower. Nobody tells Bascule.');
  await world.writeVersion({ version: 'v3', errorRate: 0.06, slowdown: 1.6 });
  const lines: string[] = [];
  const code = await typed(world, ['deploy', 'shop', '--version', 'v3'], lines);
  const rollout = /r-[0-9a-f]+/u.exec(lines.join('\n'))?.[0];
  if (rollout !== undefined) await typed(world, ['why', rollout]);
  if (code === 10) good('v3 was taken back by the numbers, and CI would have failed with exit 10');
  else bad(`v3 ended with exit ${code}`);
  return code === 10;
}

async function blueGreen(world: World, load: RemoteLoad): Promise<boolean> {
  chapter(
    'v4 takes all traffic in one switch',
    'Blue-green: the old version stays warm, and going back is another switch.',
  );
  await world.writeStrategy(BLUE_GREEN);
  await world.writeVersion({ version: 'v4' });
  const code = await typed(world, ['deploy', 'shop', '--version', 'v4', '--detach']);
  await load.switched();
  await load.served('v4', 500, 60_000);
  plain('');
  good('500 requests were served by v4');
  await load.switched();
  const started = performance.now();
  const back = await typed(world, ['rollback', 'shop']);
  await load.served('v2', 1, 10_000);
  const tookMs = Math.round(performance.now() - started);
  good(`v2 serves again, ${tookMs} ms after the command was typed`);
  return code === 0 && back === 0;
}

async function theEnd(
  load: RemoteLoad,
  outcome: Readonly<Record<'promoted' | 'rolledBack' | 'switched', boolean>>,
): Promise<number> {
  const report = await load.stop();
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
      : 'Something did not go as it should; please open an issue with what you saw.',
  );
  return fine ? 0 : 1;
}

/** Lines after which event streams may be ended in order, to open again on the other version. */
const MOVES_TRAFFIC = /step \d|all traffic|100% on/u;
let onMove: () => void = () => undefined;

/** Shows a command as typed, and what it printed. */
async function typed(world: World, args: readonly string[], lines: string[] = []): Promise<number> {
  command(`bascule ${args.join(' ')}`);
  return world.run(args, (line) => {
    lines.push(line);
    if (MOVES_TRAFFIC.test(line)) onMove();
    output(line);
  });
}

process.exitCode = await main();
