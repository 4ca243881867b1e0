/** Applications that misbehave, each as the new version of a service whose old version serves well. */
import assert from 'node:assert/strict';
import { readFileSync, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { endByPid } from '../processes.ts';
import { canary, openStage, told, type App, type Stage } from '../stage.ts';
import type { RemoteLoad } from '../load/remote.ts';
import type { Ran } from '../harness.ts';
import { waitFor } from '../wait-for.ts';

const TROUBLE = readFileSync(join(import.meta.dirname, 'trouble.mjs'), 'utf8');
const closers: (() => Promise<void>)[] = [];
let stage: Stage;
let app: App;
let versions = 1;

before(async () => {
  stage = await openStage({ after: (close) => void closers.push(close) });
  app = await stage.app('shop', SETTINGS);
  await app.write('trouble.mjs', TROUBLE);
  await app.write('mode.json', '"well"');
  const first = await app.deploy('v1');
  assert.equal(first.code, 0, told(first));
});
after(async () => {
  for (const close of closers.toReversed()) await close();
});

const SETTINGS = {
  run: 'node trouble.mjs',
  'stop-grace': '500ms',
  'ready-within': '4s',
  strategy: canary({ dwell: { 'at-least': '3s', 'at-most': '15s' } }),
};

async function deploy(mode: string): Promise<Ran> {
  await app.write('mode.json', JSON.stringify(mode));
  versions += 1;
  return app.deploy(`v${versions}`);
}

async function allOnV1(): Promise<void> {
  const view = await app.untilOver();
  assert.equal(view.users, '100% on v1');
  for (let asked = 0; asked < 5; asked += 1) assert.equal((await app.ask()).version, 'v1');
}

/** Programs of versions other than v1. */
async function leftovers(): Promise<readonly number[]> {
  const kept = await app.pidOf('stable');
  return stage.world
    .processes()
    .filter(({ command, pid }) => command.includes('trouble.mjs') && pid !== kept)
    .map(({ pid }) => pid);
}

async function nothingLeft(): Promise<void> {
  await waitFor('nothing to be left of it', async () => (await leftovers()).length === 0);
}

async function loaded(work: (load: RemoteLoad) => Promise<void>): Promise<void> {
  const load = app.load({ perSecond: 100, requests: ['GET /'], streams: 0, uploads: 0, downloads: 0 });
  try {
    await work(load);
  } finally {
    await load.stop();
  }
}

test('an application that exits at once is never ready, and its exit code is said', async () => {
  const ran = await deploy('exits at once');

  assert.equal(ran.code, 16, told(ran));
  assert.match(ran.stderr + ran.stdout, /exit code 3/);
  await allOnV1();
  await nothingLeft();
});

test('an application that hangs at its start is never ready, and it is said that it does not listen', async () => {
  const ran = await deploy('hangs at start');

  assert.equal(ran.code, 16, told(ran));
  assert.match(ran.stderr + ran.stdout, /still runs after .*, but listens on nothing yet/);
  await allOnV1();
  await nothingLeft();
});

test('an application that answers health and fails all else goes back, judged', async () => {
  await loaded(async () => {
    const ran = await deploy('fails all else');

    assert.equal(ran.code, 10, told(ran));
    await allOnV1();
  });
  await nothingLeft();
});

test('an application that hangs later goes back, because its health does', async () => {
  await loaded(async () => {
    const ran = await deploy('hangs later');

    assert.equal(ran.code, 10, told(ran));
    await allOnV1();
  });
  await nothingLeft();
});

test('an application that crashes again and again goes back', async () => {
  await loaded(async () => {
    const ran = await deploy('crash loop');

    assert.equal(ran.code, 10, told(ran));
    await allOnV1();
  });
  await nothingLeft();
});

test('an application that leaves its work to a child and exits is never ready, and the child is stopped with it', async () => {
  const ran = await deploy('forks and exits');

  assert.equal(ran.code, 16, told(ran));
  await allOnV1();
  await nothingLeft();
});

test('a child in a session of its own is not stopped with its application, and who holds the port is named', async () => {
  const ran = await deploy('forks twice');

  assert.equal(ran.code, 16, told(ran));
  await allOnV1();
  const [stray] = await leftovers();
  const again = await deploy('well');
  assert.match(told(again), new RegExp(`WORKLOAD_PORT_TAKEN|${stray}`));
  endByPid(stray!);
  await allOnV1();
});

test('an application that ignores SIGTERM is killed after its grace', async () => {
  await app.write('mode.json', '"ignores SIGTERM"');
  versions += 1;
  await app.describe({ ...SETTINGS, strategy: canary({ dwell: { 'at-least': '10m', 'at-most': '20m' } }) });
  await app.deployDetached(`v${versions}`);
  await app.untilDwelling();

  const ran = await app.verb('abort');

  assert.equal(ran.code, 0, told(ran));
  await allOnV1();
  await nothingLeft();
  await app.describe(SETTINGS);
});

test(
  'an application that prints 1 GB serves meanwhile, and its output stays bounded',
  { timeout: 120_000 },
  async (t) => {
    await app.write('mode.json', '"prints 1 GB"');
    versions += 1;
    const deploying = await app.begin(`v${versions}`);
    let most = 0;
    await waitFor(
      'it all to be printed',
      async () => {
        most = Math.max(most, sizeOf(join(stage.stateDirectory, 'logs')));
        return (
          (await app.verb('logs', '--candidate', '--tail', '1')).stdout.includes('printed it all') ||
          (await app.verb('logs', '--tail', '1')).stdout.includes('printed it all')
        );
      },
      { withinMs: 100_000, everyMs: 100 },
    );
    const ran = await deploying.ran;

    assert.equal(ran.code, 0, told(ran));
    t.diagnostic(`at most ${Math.round(most / 1e6)} MB of logs on disk`);
    assert.ok(most < 600e6, `${most}`);
    assert.equal((await app.ask()).version, `v${versions}`);
    await waitFor('the output to be put aside', () => sizeOf(join(stage.stateDirectory, 'logs')) < 350e6);
  },
);

function sizeOf(directory: string): number {
  return readdirSync(directory, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .reduce(
      (sum, entry) =>
        sum + (statSync(join(entry.parentPath, entry.name), { throwIfNoEntry: false })?.blocks ?? 0) * 512,
      0,
    );
}
