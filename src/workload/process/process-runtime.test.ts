import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { pbkdf2, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { chmod, mkdir, readFile, readdir, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import type { Address } from '../../lib/address.ts';
import type { ReleaseSpec } from '../../release/service.ts';
import { freeAddresses, until } from '../conformance.ts';
import { readStat } from '../proc.ts';
import { readBootId } from '../../lib/boot-id.ts';
import type { LogLine, SlotWorkload } from '../runtime.ts';
import {
  newStateDir,
  openRuntime,
  processesOf,
  removeDir,
  stopAll,
  testRelease,
} from './fixtures/runtime.ts';
import type { ProcessRuntime, ProcessRuntimeOptions } from './process-runtime.ts';
import { Records, type ReplicaRecord } from './record.ts';

type World = {
  readonly stateDir: string;
  readonly service: string;
  readonly runtime: ProcessRuntime;
  readonly addresses: readonly Address[];
  readonly workload: (spec: Partial<ReleaseSpec>, label?: string) => SlotWorkload;
  readonly output: () => Promise<string[]>;
};

async function open(t: TestContext, options: Partial<ProcessRuntimeOptions> = {}): Promise<World> {
  const stateDir = newStateDir();
  const service = `t-${randomBytes(4).toString('hex')}`;
  const runtime = openRuntime(stateDir, options);
  const addresses = await freeAddresses(1);
  t.after(async () => {
    runtime.detach();
    await stopAll(stateDir, service);
    removeDir(stateDir);
  });
  return {
    stateDir,
    service,
    runtime,
    addresses,
    workload: (spec, label = 'v1') => ({
      service,
      slot: 'blue',
      release: testRelease(service, label, spec),
      replicas: 1,
      addresses,
    }),
    output: async () => {
      const lines: LogLine[] = [];
      const all = { follow: false, tail: 1000, signal: new AbortController().signal };
      for await (const line of runtime.logs(service, 'blue', all)) lines.push(line);
      return lines.map((line) => line.text);
    },
  };
}

test('a command gets this environment and nothing else', { timeout: 30_000 }, async (t) => {
  process.env['LEAKED'] = 'from the controller';
  t.after(() => delete process.env['LEAKED']);
  const { runtime, workload, output, service, addresses } = await open(t);
  const awkward = `it's "$HOME" \`id\` \\ \n* %s`;
  const env = {
    AWKWARD: { kind: 'plain', value: awkward },
    PORT: { kind: 'plain', value: '1' },
    LANG: { kind: 'plain', value: 'de_DE.UTF-8' },
  } as const;
  const run = `exec node -e "console.log(JSON.stringify(process.env)); setInterval(() => {}, 1000)"`;

  await runtime.ensure(workload({ run, env }));
  await until(async () => (await output()).length > 0);

  const { PWD: _, OLDPWD: __, ...seen } = JSON.parse((await output())[0]!) as Record<string, string>;
  assert.deepEqual(seen, {
    AWKWARD: awkward,
    BASCULE_REPLICA: '0',
    BASCULE_SERVICE: service,
    BASCULE_SLOT: 'blue',
    BASCULE_VERSION: 'v1',
    HOME: process.env['HOME'],
    LANG: 'de_DE.UTF-8',
    PATH: process.env['PATH'],
    PORT: String(addresses[0]!.port),
  });
});

test('a command has no input, no descriptor of ours, and the usual umask', { timeout: 30_000 }, async (t) => {
  const { runtime, workload, output } = await open(t);
  const run = 'readlink /proc/$$/fd/0; umask; ls /proc/$$/fd; echo end; exec sleep 1000';

  await runtime.ensure(workload({ run }));
  await until(async () => (await output()).includes('end'));

  // What this test's own parent left open is in every child, and not ours to judge.
  const { stdout } = spawnSync('/bin/sh', ['-c', 'ls /proc/$$/fd; echo end'], { encoding: 'utf8' });
  assert.deepEqual(await output(), ['/dev/null', '0022', ...stdout.trimEnd().split('\n')]);
});

test(
  'a secret is resolved at every start, and a missing one stops the start',
  { timeout: 30_000 },
  async (t) => {
    const { runtime, workload, output, stateDir, service } = await open(t);
    const env = { TOKEN: { kind: 'secret', from: 'file', name: 'token' } } as const;
    const asked = workload({ run: 'echo "token $TOKEN"; sleep 0.1; exit 1', env });
    await assert.rejects(runtime.ensure(asked), { code: 'WORKLOAD_SECRET_MISSING' });
    assert.deepEqual(await runtime.observe(service), []);

    await mkdir(join(stateDir, 'secrets'));
    await writeFile(join(stateDir, 'secrets/token'), 'first', { mode: 0o600 });
    await runtime.ensure(asked);
    await writeFile(join(stateDir, 'secrets/token'), 'second');
    await until(async () => (await output()).includes('token second'));

    assert.equal((await output())[0], 'token first');
    await chmod(join(stateDir, 'secrets/token'), 0o644);
    await until(async () =>
      (await runtime.diagnose(service, 'blue')).some((line) =>
        /cannot be started again: .*chmod 0400/.test(line),
      ),
    );
  },
);

test(
  'a replica runs as the allowed user, and its PATH never acts before that',
  { timeout: 30_000 },
  async (t) => {
    if (process.geteuid!() !== 0) return t.skip('needs root, to become another user');
    const { runtime, workload, output, stateDir } = await open(t, { allowedUsers: ['nobody'] });
    const trap = join(stateDir, 'trap');
    await mkdir(trap);
    for (const name of ['setpriv', 'cat', 'sh']) {
      await writeFile(join(trap, name), `#!/bin/sh\n/usr/bin/id -u > ${trap}/sprung\n`, { mode: 0o755 });
    }
    const env = { PATH: { kind: 'plain', value: `${trap}:/usr/bin:/bin` } } as const;

    await runtime.ensure(
      workload({
        run: 'id -u; id -g; id -G; echo $HOME; echo written >> /dev/stdout; exec sleep 1000',
        env,
        user: 'nobody',
      }),
    );
    await until(async () => (await output()).length === 5);

    assert.deepEqual(await output(), ['65534', '65534', '65534', '/nonexistent', 'written']);
    assert.equal(existsSync(join(trap, 'sprung')), false);
    await assert.rejects(runtime.ensure(workload({ run: 'true', user: 'daemon' }, 'v2')), {
      code: 'WORKLOAD_USER_NOT_ALLOWED',
    });
  },
);

test('stopping ends children that left the process group', { timeout: 30_000 }, async (t) => {
  const { runtime, workload, service } = await open(t);
  // `set -m` gives each job a group of its own.
  await runtime.ensure(workload({ run: 'set -m; sleep 1000 & sleep 1000 & wait' }));
  await until(async () => processesOf(service).length === 3);

  await runtime.stop(service, 'blue', 2000);

  assert.deepEqual(processesOf(service), []);
});

test(
  'a program that outlives its shell has its whole grace, and is killed after it',
  { timeout: 30_000 },
  async (t) => {
    const { runtime, workload, service, output } = await open(t);
    // Without its own environment, as programs are that overwrite it to set their title.
    const run = `env -i python3 -c "import signal, time; signal.signal(15, lambda *a: print('asked', flush=True)); print('up', flush=True); [time.sleep(1) for _ in range(600)]"; true`;
    await runtime.ensure(workload({ run }));
    await until(async () => (await output()).includes('up'));
    const [state] = await runtime.observe(service);
    const startedMs = performance.now();

    await runtime.stop(service, 'blue', 700);

    assert.ok(performance.now() - startedMs >= 650, 'its shell ended at once, the program did not');
    assert.ok((await output()).includes('asked'));
    assert.equal(readStat(state!.pid!), null);
  },
);

test(
  'what a crashed replica leaves behind is ended before the next start',
  { timeout: 30_000 },
  async (t) => {
    const { runtime, workload, service } = await open(t);
    await runtime.ensure(workload({ run: 'sleep 1000 & exit 3' }));

    await until(async () => (await runtime.observe(service))[0]!.crashes >= 3);
    await runtime.stop(service, 'blue', 2000);

    assert.deepEqual(processesOf(service), []);
  },
);

test(
  'after another start of the machine nothing is adopted and nobody is signalled',
  { timeout: 30_000 },
  async (t) => {
    const { runtime, workload, service, stateDir } = await open(t);
    await runtime.ensure(workload({ run: 'sleep 1000' }));
    const [state] = await runtime.observe(service);
    runtime.detach();

    const next = openRuntime(stateDir, { bootId: 'another' });
    t.after(async () => {
      await next.stop(service, 'blue', 0);
      next.detach();
    });

    assert.deepEqual(await next.observe(service), []);
    await next.stop(service, 'blue', 100);
    assert.ok(readStat(state!.pid!) !== null, 'a pid of another boot is a stranger');
    await next.ensure(workload({ run: 'sleep 1000' }));
    assert.notEqual((await next.observe(service))[0]!.pid, state!.pid);
    process.kill(state!.pid!, 'SIGKILL');
  },
);

test('a pid that belongs to another program now is never signalled', { timeout: 30_000 }, async (t) => {
  const { stateDir, service, addresses } = await open(t);
  const stranger = spawn('sleep', ['1000'], { detached: true, stdio: 'ignore' });
  t.after(() => stranger.kill('SIGKILL'));
  await once(stranger, 'spawn');
  const record: ReplicaRecord = {
    service,
    slot: 'blue',
    replica: 0,
    releaseId: `${service}/v1`,
    label: 'v1',
    address: addresses[0]!,
    bootId: readBootId(),
    session: { pid: stranger.pid!, startTicks: readStat(stranger.pid!)!.startTicks - 1 },
    startedAtMs: 0,
    stopGraceMs: 100,
    crashes: 0,
    lastExit: null,
  };
  await new Records(join(stateDir, 'run')).save(record);

  const next = openRuntime(stateDir);
  t.after(() => next.detach());
  const [state] = await next.observe(service);
  await next.stop(service, 'blue', 100);

  assert.deepEqual([state!.running, state!.pid, state!.lastExit], [false, null, 'gone']);
  assert.equal(stranger.exitCode ?? stranger.signalCode, null);
  assert.deepEqual(await next.observe(service), []);
});

test('a stop during the preparation is not waited for, and wins', { timeout: 30_000 }, async (t) => {
  const prepared = Promise.withResolvers<string>();
  const { runtime, workload, service } = await open(t, { store: { prepare: () => prepared.promise } });
  const ensuring = runtime.ensure(workload({ run: 'sleep 1000' }));
  await runtime.stop(service, 'blue', 100);

  prepared.resolve('/');

  await assert.rejects(ensuring, { code: 'WORKLOAD_START_FAILED', message: /a stop or another release/ });
  assert.deepEqual(await runtime.observe(service), []);
  assert.deepEqual(processesOf(service), []);
});

test('a program that crashes before its start is over is started again', { timeout: 30_000 }, async (t) => {
  const { runtime, workload, service } = await open(t);
  // Keeps the threads busy that file operations run on, so that the end of the start comes after the crash.
  let busy = true;
  const work = (): void => pbkdf2('a', 'b', 60_000, 32, 'sha256', () => (busy ? work() : undefined));
  for (let thread = 0; thread < 8; thread += 1) work();
  t.after(() => (busy = false));

  await runtime.ensure(workload({ run: 'exit 1' }));
  busy = false;

  await until(async () => (await runtime.observe(service))[0]!.crashes >= 2);
});

test(
  'a release that cannot be prepared leaves the former one up, crashes included',
  { timeout: 30_000 },
  async (t) => {
    const { runtime, workload, service } = await open(t, {
      store: {
        prepare: async (release) => {
          if (release.label === 'v2') throw new Error('no build today');
          return '/';
        },
      },
    });
    await runtime.ensure(workload({ run: 'sleep 1000' }));

    await assert.rejects(runtime.ensure(workload({ run: 'sleep 1000' }, 'v2')), {
      code: 'WORKLOAD_START_FAILED',
    });

    const [state] = await runtime.observe(service);
    assert.equal(state!.releaseId, `${service}/v1`);
    process.kill(state!.pid!, 'SIGSEGV');
    await until(async () => (await runtime.observe(service)).some((now) => now.running && now.crashes === 1));
    assert.equal((await runtime.observe(service))[0]!.lastExit, 'signal SIGSEGV');
  },
);

test('a directory that is gone is named', { timeout: 30_000 }, async (t) => {
  const { runtime, workload, service } = await open(t, {
    store: { prepare: async () => '/no/such/directory' },
  });

  await assert.rejects(runtime.ensure(workload({ run: 'true' })), {
    code: 'WORKLOAD_START_FAILED',
    message: /\/no\/such\/directory/,
  });

  assert.deepEqual(await runtime.observe(service), []);
});

test('the output of a talkative program stays bounded while it goes on', { timeout: 30_000 }, async (t) => {
  const { runtime, workload, service, stateDir, output } = await open(t, { largestLogBytes: 100_000 });
  const dir = join(stateDir, 'logs', service, 'blue/v1');
  await runtime.ensure(workload({ run: 'yes talk | head -c 400000; sleep 1000' }));

  await until(async () => existsSync(join(dir, '0.log.1')));

  await until(async () => (await stat(join(dir, '0.log'))).size < 4096);
  const kept = (await readFile(join(dir, '0.log.1'))).length;
  assert.equal(kept + (await stat(join(dir, '0.log'))).size, 400_000);
  assert.equal((await output()).length, 1000);
  assert.equal((await runtime.observe(service))[0]!.running, true);
});

test('no secret is in any file of the state directory', { timeout: 30_000 }, async (t) => {
  const { runtime, workload, service, stateDir } = await open(t);
  await mkdir(join(stateDir, 'secrets'));
  await writeFile(join(stateDir, 'secrets/token'), 'hunter2', { mode: 0o600 });
  const env = { TOKEN: { kind: 'secret', from: 'file', name: 'token' } } as const;
  await runtime.ensure(workload({ run: 'sleep 1000', env }));

  const files = (await readdir(stateDir, { recursive: true, withFileTypes: true }))
    .filter((entry) => entry.isFile() && entry.name !== 'token')
    .map((entry) => join(entry.parentPath, entry.name));

  assert.ok(files.some((file) => file.endsWith(`run/${service}/blue-0.json`)));
  for (const file of files) assert.ok(!(await readFile(file, 'utf8')).includes('hunter2'), file);
});
