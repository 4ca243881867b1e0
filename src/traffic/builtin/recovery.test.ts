import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { execFile } from 'node:child_process';
import { readFile, readdir, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { type Stage, openStage, waitFor } from '../conformance.ts';
import { type BuiltinBench, openBuiltin, proxyCommand } from './conformance.ts';
import { builtinRouter } from './router.ts';

const run = promisify(execFile);
/** The issue asks for a second on a quiet machine; tests share theirs with others. */
const RESUMED_WITHIN_MS = 5000;

async function workersOf(bench: BuiltinBench): Promise<number[]> {
  const parent = bench.router.pid()!;
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name));
  const parents = await Promise.all(
    pids.map(async (pid) => ({
      pid: Number(pid),
      stat: await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => ''),
    })),
  );
  return parents
    .filter(({ stat }) => Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1]) === parent)
    .map(({ pid }) => pid);
}

/** Asks until it is served again; returns after how long. */
async function servedAgain(stage: Stage): Promise<number> {
  const sinceMs = performance.now();
  await waitFor(
    async () =>
      stage.get('/').then(
        (answer) => answer.status,
        () => 0,
      ),
    (status) => status === 200,
  );
  return performance.now() - sinceMs;
}

function isGone(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return false;
  } catch {
    return true;
  }
}

describe('kill -9', () => {
  let bench: BuiltinBench;
  let stage: Stage;

  before(async () => {
    bench = await openBuiltin(2);
    stage = await openStage(bench.router, {});
    await stage.route({ serve: 'blue' });
    await stage.route({ serve: 'green' });
  });
  after(async () => {
    await stage?.close();
    await bench?.close();
  });

  test('of all workers: the service resumes with its route, no connection is refused, the cursor still works', async () => {
    const { cursor } = await bench.router.traffic(stage.door.service, null);
    const before = await workersOf(bench);
    assert.equal(before.length, 2);

    for (const pid of before) process.kill(pid, 'SIGKILL');

    const tookMs = await servedAgain(stage);
    assert.ok(tookMs < RESUMED_WITHIN_MS, `served again after ${tookMs}ms`);
    assert.match((await stage.get('/')).body, /^green-/);
    const batch = await stage.batched(cursor, (seen) => seen.lost !== null && seen.replicas.length > 0);
    assert.ok(batch.lost!.toSecond >= batch.lost!.fromSecond);
  });

  test('of the parent: its workers end, the controller starts another, the route is intact', async () => {
    const { revision } = await bench.router.observe(stage.door.service);
    const workers = await workersOf(bench);
    const before = bench.router.pid()!;

    process.kill(before, 'SIGKILL');

    await waitFor(
      async () => workers.every(isGone),
      (gone) => gone,
    );
    const tookMs = await servedAgain(stage);
    assert.ok(tookMs < RESUMED_WITHIN_MS, `served again after ${tookMs}ms`);
    assert.match((await stage.get('/')).body, /^green-/);
    assert.equal((await bench.router.observe(stage.door.service)).revision, revision);
    assert.notEqual(bench.router.pid(), before);
  });

  test('a call made while the proxy is dead is answered by the next one', async () => {
    process.kill(bench.router.pid()!, 'SIGKILL');

    await stage.route({ serve: 'blue' });

    assert.match((await stage.get('/')).body, /^blue-/);
  });

  test('a stopped worker does not hold up a switch for long: it is replaced', async () => {
    const [stopped] = await workersOf(bench);
    process.kill(stopped!, 'SIGSTOP');

    await stage.route({ serve: 'green' });

    await waitFor(
      async () => isGone(stopped!),
      (gone) => gone,
    );
    await servedAgain(stage);
    assert.match((await stage.get('/')).body, /^green-/);
  });
});

describe('a process that stands still', () => {
  test('a parent that stood still for three seconds does not take its workers for dead: no request fails', async (t) => {
    const bench = await openBuiltin(2);
    const stage = await openStage(bench.router, {});
    t.after(async () => {
      await stage.close();
      await bench.close();
    });
    await stage.route({ serve: 'blue' });
    const [parent, workers] = [bench.router.pid()!, await workersOf(bench)];
    for (const pid of workers) process.kill(pid, 'SIGSTOP');
    const asked = bench.router.observe(stage.door.service);
    await sleep(100);

    // The answers lie there when it goes on, and so does the end of every deadline.
    process.kill(parent, 'SIGSTOP');
    for (const pid of workers) process.kill(pid, 'SIGCONT');
    await sleep(3000);
    process.kill(parent, 'SIGCONT');

    assert.equal((await asked).revision, 1);
    await stage.route({ serve: 'green' });
    assert.deepEqual(await workersOf(bench), workers);
    assert.match((await stage.get('/')).body, /^green-/);
  });

  test('a worker that says nothing any more is replaced, although nothing is to be changed', async (t) => {
    const bench = await openBuiltin(1);
    const stage = await openStage(bench.router, {});
    t.after(async () => {
      await stage.close();
      await bench.close();
    });
    await stage.route({ serve: 'blue' });
    const [stopped] = await workersOf(bench);
    process.kill(stopped!, 'SIGSTOP');

    await assert.rejects(bench.router.observe(stage.door.service), { code: 'TRAFFIC_UNREACHABLE' });

    assert.ok(isGone(stopped!));
    await servedAgain(stage);
  });
});

describe('the controller and its proxy', () => {
  test('another controller adopts the running proxy and changes nothing', async (t) => {
    const bench = await openBuiltin(1);
    const stage = await openStage(bench.router, {});
    t.after(async () => {
      await stage.close();
      await bench.close();
    });
    await stage.route({ serve: 'blue' });

    const second = builtinRouter({ stateDir: bench.stateDir, command: bench.command });
    await second.start();

    assert.equal(second.pid(), bench.router.pid());
    assert.equal((await second.observe(stage.door.service)).revision, 1);
    second.close();
    assert.match((await stage.get('/')).body, /^blue-/);
  });

  test('a door that is as it was is confirmed without being written again, a changed one is written', async (t) => {
    const bench = await openBuiltin(1);
    const stage = await openStage(bench.router, {});
    t.after(async () => {
      await stage.close();
      await bench.close();
    });
    const path = join(bench.stateDir, 'services', `${stage.door.service}.json`);
    const { ino } = await stat(path);

    await bench.router.install(stage.door);
    assert.equal((await stat(path)).ino, ino);

    await bench.router.install({ ...stage.door, spec: { ...stage.door.spec, path: '/elsewhere' } });
    assert.notEqual((await stat(path)).ino, ino);
    assert.equal((await stage.get('/elsewhere')).status, 503);
    assert.equal((await stage.get('/')).status, 404);
  });

  test('a second proxy on the same directory refuses to start', async (t) => {
    const bench = await openBuiltin(1);
    t.after(() => bench.close());
    const [program, ...args] = bench.command;

    await assert.rejects(run(program, args), /another one answers|TRAFFIC_PROXY_RUNNING/);

    assert.notEqual(bench.router.pid(), null);
  });

  test('SIGTERM lets a request in flight end, then the proxy exits cleanly', async (t) => {
    const bench = await openBuiltin(1);
    const stage = await openStage(bench.router, {});
    await stage.route({ serve: 'blue' });
    const pid = bench.router.pid()!;
    const slow = stage.get('/slow?400');
    await stage.applications.arrived('/slow');
    bench.router.close();

    process.kill(pid, 'SIGTERM');

    assert.equal((await slow).status, 200);
    await waitFor(
      async () => isGone(pid),
      (gone) => gone,
    );
    const log = await readFile(join(bench.stateDir, 'proxy.log'), 'utf8');
    assert.match(log, /stopped\n$/);
    await rm(bench.stateDir, { recursive: true, force: true });
    t.after(() =>
      Promise.all([...stage.applications.blue, ...stage.applications.green].map((each) => each.close())),
    );
  });

  test('the control socket and all state are for their owner only', async (t) => {
    const bench = await openBuiltin(1);
    t.after(() => bench.close());
    const { stdout } = await run('find', [
      bench.stateDir,
      '-perm',
      '/077',
      '-not',
      '-path',
      '*compile-cache*',
    ]);
    assert.equal(stdout, '');
  });
});

describe('damaged state', () => {
  const damages: readonly (readonly [name: string, damage: (text: string) => string])[] = [
    ['cut off', (text) => text.slice(0, text.length / 2)],
    ['empty', () => ''],
    ['changed by one character', (text) => text.replace('"serve":"blue"', '"serve":"bluf"')],
    ['something else', () => '{"hello": "world"}\n{}\n'],
    ['of another version', (text) => text.replace('"version":1', '"version":99')],
  ];
  for (const [name, damage] of damages) {
    test(`a state file that is ${name} is put aside with what it means, never served as empty`, async (t) => {
      const bench = await openBuiltin(1);
      const stage = await openStage(bench.router, {});
      t.after(async () =>
        Promise.all([...stage.applications.blue, ...stage.applications.green].map((each) => each.close())),
      );
      await stage.route({ serve: 'blue' });
      await bench.router.stopProxy(0);
      const path = join(bench.stateDir, 'services', `${stage.door.service}.json`);
      await writeFile(path, damage(await readFile(path, 'utf8')));

      const next = builtinRouter({ stateDir: bench.stateDir, command: proxyCommand(bench.stateDir, 1) });
      t.after(async () => {
        next.close();
        await rm(bench.stateDir, { recursive: true, force: true });
      });

      await next.start();

      await assert.rejects(next.observe(stage.door.service), { code: 'TRAFFIC_NOT_INSTALLED' });
      assert.ok(existsSync(`${path}.damaged`) && !existsSync(path));
      assert.match(
        await readFile(join(bench.stateDir, 'proxy.log'), 'utf8'),
        /TRAFFIC_STATE_DAMAGED: .* put aside/,
      );
      await next.stopProxy(0);
    });
  }
});
