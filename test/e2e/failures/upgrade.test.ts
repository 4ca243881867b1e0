/** Another version of Bascule takes the place of the one that runs. */
import assert from 'node:assert/strict';
import { cpSync, mkdtempSync, readFileSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { endByPid } from '../processes.ts';
import { lasting, openStage, told, type App, type Scope, type Stage } from '../stage.ts';
import { meanwhileSwitching } from '../switcher.ts';
import { waitFor } from '../wait-for.ts';

const ROOT = fileURLToPath(new URL('../../../', import.meta.url));

test('an upgrade under load: no request fails, applications are adopted, the proxy is replaced, the rollout goes on', async (t) => {
  const { program, use } = versions(t);
  const stage = await openStage(t, '', undefined, program);
  assert.match(stage.controller().log(), /bascule 0\.1\.0 is ready/);
  const app = await stage.app('shop', { strategy: lasting() });
  assert.equal((await app.deploy('v1')).code, 0);
  await app.deployDetached('v2');
  await app.untilDwelling();
  const load = app.load({ streams: 1 });
  await load.served('v2', 20, 10_000);
  const before = applications(stage);
  const [old] = proxies(stage);

  use('new');
  assert.equal(await stage.controller().stop(), 0);
  // Streams may end, properly, until all of them are the new proxy's.
  await meanwhileSwitching(load, () => upgraded(stage, app, before, old!.pid));
  const seen = await load.stop();
  // Whoever was connected is gone: nothing keeps it.
  await waitFor('the former proxy to end', () => !proxies(stage).some(({ pid }) => pid === old!.pid), {
    withinMs: 30_000,
  });
  assert.deepEqual(
    proxies(stage).map(({ command }) => /--build 0\.2\.0\+/.test(command)),
    [true],
  );
  assert.equal(seen.failed, 0, JSON.stringify(seen.examples));
});

/** The new version comes, and ends the rollout that it found. */
async function upgraded(stage: Stage, app: App, before: readonly string[], oldPid: number): Promise<void> {
  await stage.serve();
  assert.match(stage.controller().log(), /bascule 0\.2\.0 is ready/);
  assert.deepEqual(applications(stage), before);
  const audited = await stage.run(['audit', '--verb', 'proxy']);
  assert.match(
    audited.stdout,
    new RegExp(`built-in proxy 0\\.1\\.0\\+\\w{12} \\(pid ${oldPid}\\) gave way to 0\\.2\\.0\\+`),
  );
  assert.deepEqual(
    [(await app.view()).rollout?.phase, (await app.view()).users],
    ['dwelling', '50% on v1, 50% on v2'],
  );
  const promoted = await app.verb('promote', '--full');
  assert.equal(promoted.code, 0, told(promoted));
  await app.untilOver();
}

test('a server of the same version keeps the proxy; another number of workers is another proxy', async (t) => {
  const stage = await openStage(t);
  const app = await stage.app('shop');
  assert.equal((await app.deploy('v1')).code, 0);
  const load = app.load({ perSecond: 50 });
  await load.served('v1', 20, 10_000);
  const [first] = proxies(stage);

  await stage.controller().stop();
  await stage.serve();
  assert.deepEqual(
    proxies(stage).map(({ pid }) => pid),
    [first!.pid],
  );
  await stage.controller().stop();
  const file = join(stage.stateDirectory, 'server.yaml');
  writeFileSync(file, readFileSync(file, 'utf8').replace('proxy-workers: 2', 'proxy-workers: 1'));
  await stage.serve();

  await waitFor('the former proxy to end', () => !proxies(stage).some(({ pid }) => pid === first!.pid), {
    withinMs: 30_000,
  });
  assert.equal(proxies(stage).length, 1);
  assert.equal(stage.world.processes().filter(({ command }) => command.includes('worker-main')).length, 1);
  const seen = await load.stop();
  assert.equal(seen.failed, 0, JSON.stringify(seen.examples));
});

test('a proxy that was ended comes back as the new version, with its routes', async (t) => {
  const { program, use } = versions(t);
  const stage = await openStage(t, '', undefined, program);
  const app = await stage.app('shop');
  assert.equal((await app.deploy('v1')).code, 0);
  const [old] = proxies(stage);
  assert.match(old!.command, /\/old\//);
  await stage.controller().stop();
  use('new');
  endByPid(old!.pid);

  await stage.serve();

  await waitFor('the new proxy to serve', async () => (await app.ask()).version === 'v1');
  assert.match(proxies(stage)[0]!.command, /\/new\//);
});

type Versions = { readonly program: readonly string[]; readonly use: (version: 'new') => void };

/** Two copies of this program, which call themselves 0.1.0 and 0.2.0, and a link to the one in use. */
function versions(scope: Scope): Versions {
  const directory = mkdtempSync(join(tmpdir(), 'bascule-versions-'));
  scope.after(async () => rmSync(directory, { recursive: true }));
  for (const [name, version] of Object.entries({ old: '0.1.0', new: '0.2.0' })) {
    cpSync(join(ROOT, 'src'), join(directory, name, 'src'), { recursive: true });
    symlinkSync(join(ROOT, 'node_modules'), join(directory, name, 'node_modules'));
    const about = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as object;
    writeFileSync(join(directory, name, 'package.json'), JSON.stringify({ ...about, version }));
  }
  const link = join(directory, 'current');
  const use = (name: string): void => {
    symlinkSync(name, `${link}.new`);
    renameSync(`${link}.new`, link);
  };
  use('old');
  return { program: [process.execPath, join(link, 'src/main.ts')], use };
}

function proxies(stage: Stage) {
  return stage.world.processes().filter(({ command }) => command.includes('proxy-program'));
}

/** All but the controller and the proxy, by pid and start time. */
function applications(stage: Stage): readonly string[] {
  const own = stage.controller().pid;
  return stage.world
    .processes()
    .filter(({ pid, command }) => pid !== own && !/ (serve|deploy) |proxy-program|worker-main/.test(command))
    .map(({ pid, startTicks, command }) => `${pid} ${startTicks} ${command}`);
}
