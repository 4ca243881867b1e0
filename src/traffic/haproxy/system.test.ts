/** The HAProxy of the machine, as somebody else starts it: with a file of theirs, and our directory beside it. */
import assert from 'node:assert/strict';
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { closeSync, mkdirSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { systemClock } from '../../lib/clock.ts';
import type { HaproxyProxy } from '../../release/service.ts';
import { freePort, openStage, send, slotOf, splitTo, type Stage, sum, waitFor } from '../conformance.ts';
import { searchPath } from '../proxy-command.ts';
import { MANAGED } from './conformance.ts';
import { MasterSocket } from './master.ts';
import { HaproxyRouter } from './router.ts';

const ENV = { ...process.env, PATH: searchPath() };
const skip = spawnSync('haproxy', ['-v'], { env: ENV }).status === 0 ? false : 'haproxy is not installed';

type Machine = {
  readonly directory: string;
  readonly proxy: HaproxyProxy;
  readonly router: HaproxyRouter;
  readonly ownPort: number;
  readonly mainFile: string;
  /** Closed before it is. */
  readonly stages: Stage[];
  /** Ends it and starts it anew, as an administrator would. */
  restart(): Promise<void>;
};

async function openMachine(t: TestContext): Promise<Machine> {
  const directory = mkdtempSync(join(tmpdir(), 'bascule-haproxy-system-'));
  const ours = join(directory, 'bascule');
  mkdirSync(ours);
  const ownPort = await freePort();
  const mainFile = join(directory, 'haproxy.cfg');
  writeFileSync(
    mainFile,
    `global\n    maxconn 200\ndefaults\n    mode http\n    timeout connect 1s\n    timeout client 5s\n    timeout server 5s\nfrontend theirs\n    bind 127.0.0.1:${ownPort}\n    http-request return status 200 content-type text/plain string theirs\n`,
  );
  const socket = join(directory, 'master.sock');
  const log = join(directory, 'haproxy.log');
  const start = async (): Promise<ChildProcess> => {
    const output = openSync(log, 'w');
    const args = ['-W', '-S', socket, '-f', mainFile, '-f', ours];
    const child = spawn('haproxy', args, { stdio: ['ignore', output, 'ignore'], env: ENV });
    closeSync(output);
    const master = new MasterSocket(socket);
    await waitFor(
      () => master.workers().catch(() => null),
      (found) => found !== null && found.current !== null && found.master === child.pid,
    );
    return child;
  };
  let child = await start();
  const end = async (): Promise<void> => {
    const ended = new Promise((resolve) => child.once('exit', resolve));
    child.kill('SIGTERM');
    await ended;
  };
  const router = new HaproxyRouter({ root: join(directory, 'state'), clock: systemClock, mainFile });
  await router.start();
  const stages: Stage[] = [];
  t.after(async () => {
    for (const stage of stages) await stage.close();
    router.close();
    await end();
    rmSync(directory, { recursive: true, force: true });
  });
  return {
    directory,
    proxy: { ...MANAGED, managed: false, directory: ours, socket, log },
    router,
    ownPort,
    mainFile,
    stages,
    restart: async () => {
      await end();
      child = await start();
    },
  };
}

async function openService({ router, proxy, stages }: Machine): Promise<Stage> {
  const stage = await openStage(router, { sticky: { by: 'header', header: 'X-User' } }, undefined, proxy);
  stages.push(stage);
  return stage;
}

const USERS = Array.from({ length: 60 }, (_, i) => `user-${i}`);

async function whoGoesWhere({ get }: Stage): Promise<string[]> {
  const found: string[] = [];
  for (const user of USERS) found.push(slotOf((await get('/', { 'x-user': user })).body));
  return found;
}

test(
  'a service beside what is there already, counted, its share kept over a reload and a restart',
  { skip },
  async (t) => {
    const machine = await openMachine(t);
    const stage = await openService(machine);
    const { router, proxy, ownPort } = machine;
    await stage.route({ serve: 'blue', split: splitTo('green', 50) });
    const { cursor } = await router.traffic(stage.door.service, null);
    const before = await whoGoesWhere(stage);
    assert.ok(before.includes('blue') && before.includes('green'));
    assert.equal((await send({ port: ownPort, path: '/' })).body, 'theirs');
    const seconds = await stage.counted(
      cursor,
      (all) =>
        sum(all, 'blue', (one) => one.attempts) + sum(all, 'green', (one) => one.attempts) >= USERS.length,
    );
    assert.equal(
      sum(seconds, 'green', (one) => one.classes.ok),
      before.filter((slot) => slot === 'green').length,
    );

    await new MasterSocket(proxy.socket).ask('reload');
    await waitFor(
      () => whoGoesWhere(stage).catch(() => null),
      (after) => JSON.stringify(after) === JSON.stringify(before),
    );
    await machine.restart();

    assert.deepEqual(await whoGoesWhere(stage), before);
    await stage.route({ serve: 'green' });
    assert.deepEqual(new Set(await whoGoesWhere(stage)), new Set(['green']));
  },
);

test(
  'a fault in a file of the user’s own is told as theirs, and what served before still serves',
  { skip },
  async (t) => {
    const machine = await openMachine(t);
    const stage = await openService(machine);
    await stage.route({ serve: 'blue' });
    const ours = join(machine.proxy.directory, 'bascule.cfg');
    const former = readFileSync(ours, 'utf8');
    const well = readFileSync(machine.mainFile, 'utf8');
    writeFileSync(machine.mainFile, `${well}\nfrontend broken\n    no-such-word\n`);

    await assert.rejects(
      machine.router.install({ ...stage.door, spec: { ...stage.door.spec, host: 'h.example.com' } }),
      (error: Error & { code?: string }) => {
        assert.equal(error.code, 'TRAFFIC_CONFIG_REFUSED');
        assert.match(error.message, /haproxy\.cfg is not a file of Bascule's/);
        return true;
      },
    );

    assert.equal(readFileSync(ours, 'utf8'), former);
    assert.match((await stage.get('/')).body, /^blue-/);
    writeFileSync(machine.mainFile, well);
  },
);

test(
  'a missing program, an old one, a directory that is not there, no master socket: each its own error',
  { skip },
  async (t) => {
    const machine = await openMachine(t);
    const stage = await openStage(machine.router, {}, null, machine.proxy);
    machine.stages.push(stage);
    const { door } = stage;
    const old = join(machine.directory, 'old');
    writeFileSync(old, '#!/bin/sh\necho "HA-Proxy version 2.2.9-2 2021/03/04 - https://haproxy.org/"\n', {
      mode: 0o755,
    });
    const ask = async (binary: string, proxy: Partial<HaproxyProxy>): Promise<unknown> => {
      const router = new HaproxyRouter({
        clock: systemClock,
        root: join(machine.directory, 'other'),
        binary,
        mainFile: machine.mainFile,
      });
      await router.start();
      try {
        await router.install({ ...door, spec: { ...door.spec, proxy: { ...machine.proxy, ...proxy } } });
        return null;
      } catch (error) {
        return (error as { code?: string }).code;
      } finally {
        router.close();
      }
    };

    assert.equal(await ask('no-such-haproxy', {}), 'TRAFFIC_PROXY_MISSING');
    assert.equal(await ask(old, {}), 'TRAFFIC_PROXY_TOO_OLD');
    assert.equal(
      await ask('haproxy', { directory: join(machine.directory, 'nowhere') }),
      'TRAFFIC_CONFIG_UNWRITABLE',
    );
    assert.equal(await ask('haproxy', { socket: join(machine.directory, 'no.sock') }), 'TRAFFIC_UNREACHABLE');
    assert.equal(
      await ask('haproxy', { tls: { certificate: '/nonexistent.pem', key: '/nonexistent.key' } }),
      'TRAFFIC_CONFIG_REFUSED',
    );
  },
);

test('replicas of one slot below different paths are refused', { skip }, async (t) => {
  const machine = await openMachine(t);
  const stage = await openStage(machine.router, {}, null, machine.proxy);
  machine.stages.push(stage);
  const { door } = stage;
  const [first, second] = door.slots.blue;
  const slots = { ...door.slots, blue: [first!, { ...second!, pathPrefix: '/b' }] };
  await assert.rejects(machine.router.install({ ...door, slots }), { code: 'TRAFFIC_DOOR_UNFIT' });
});
