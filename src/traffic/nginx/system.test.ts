import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { chmod, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, type TestContext, test } from 'node:test';
import { systemClock } from '../../lib/clock.ts';
import { freePort, openStage, send, type Stage, waitFor } from '../conformance.ts';
import type { NginxProxy } from '../../release/service.ts';
import { MANAGED } from './conformance.ts';
import { masterOf } from './processes.ts';
import { NginxRouter } from './router.ts';

const skip = spawnSync('nginx', ['-v']).status === 0 ? false : 'nginx is not installed';

/** An nginx that somebody else runs, with a page of their own on `ownPort`, and a helper that speaks for root. */
type Machine = {
  readonly root: string;
  readonly directory: string;
  readonly ownPort: number;
  readonly proxy: NginxProxy;
  readonly router: NginxRouter;
  /** Closed before it is. */
  readonly stages: Stage[];
  readonly write: (extra: string, included?: boolean) => Promise<void>;
};

async function machine(t: TestContext, helperBinary = 'nginx'): Promise<Machine> {
  const root = await mkdtemp(join(tmpdir(), 'bascule-nginx-'));
  await chmod(root, 0o755);
  const directory = join(root, 'included');
  for (const name of ['included', 'etc', 'tmp']) await mkdir(join(root, name));
  const ownPort = await freePort();
  const main = join(root, 'etc', 'nginx.conf');
  const write = (extra: string, included = true): Promise<void> =>
    writeFile(
      main,
      `pid ${root}/pid; error_log ${root}/error.log; events {}
http { access_log off; ${['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map((each) => `${each}_temp_path ${root}/tmp/${each};`).join(' ')}
server { listen 127.0.0.1:${ownPort}; location / { return 200 own; } }
${included ? `include ${directory}/*.conf;` : ''}
${extra} }`,
    );
  await write('');
  const helper = join(root, 'helper');
  const nginx = `${helperBinary} -p ${root} -c ${main}`;
  await writeFile(
    helper,
    `#!/bin/sh\ncase "$1" in nginx-version) exec ${helperBinary} -v ;; nginx-test) exec ${nginx} -t -q ;; nginx-reload) exec ${nginx} -s reload ;; nginx-reopen) exec ${nginx} -s reopen ;; esac\n`,
  );
  await chmod(helper, 0o755);
  assert.equal(spawnSync('nginx', ['-p', root, '-c', main]).status, 0);
  const pid = (await waitFor(
    async () => masterOf(join(root, 'pid')),
    (found) => found !== null,
  ))!;
  const router = new NginxRouter({ root: join(root, 'state'), clock: systemClock, helper: [helper] });
  await router.start();
  const stages: Stage[] = [];
  t.after(async () => {
    for (const stage of stages) await stage.close();
    router.close();
    process.kill(pid, 'SIGTERM');
    await waitFor(
      async () => masterOf(join(root, 'pid')),
      (found) => found === null,
    );
    await rm(root, { recursive: true });
  });
  return {
    root,
    directory,
    ownPort,
    router,
    stages,
    write,
    proxy: { ...MANAGED, managed: false, directory },
  };
}

async function ownPage({ ownPort }: Machine): Promise<string> {
  return (await send({ port: ownPort, path: '/' })).body;
}

describe('the nginx of the machine', { skip, concurrency: 2 }, () => {
  test('gets one file per service, serves it, and is as before once it is removed', async (t) => {
    const it = await machine(t);
    const stage = await openStage(it.router, {}, undefined, it.proxy);
    it.stages.push(stage);
    await stage.route({ serve: 'blue' });

    assert.match((await stage.get('/')).body, /^blue-/);
    assert.equal(await ownPage(it), 'own');
    assert.deepEqual((await readdir(it.directory)).toSorted(), [
      '00-bascule.conf',
      `bascule-${stage.door.service}.conf`,
    ]);
    const before = await readFile(join(it.root, 'etc', 'nginx.conf'), 'utf8');

    await it.router.remove(stage.door.service);
    assert.deepEqual(await readdir(it.directory), []);
    assert.equal(await readFile(join(it.root, 'etc', 'nginx.conf'), 'utf8'), before);
    assert.equal(await ownPage(it), 'own');
  });

  test('a snippet serves inside a server block of somebody else', async (t) => {
    const it = await machine(t);
    const proxy: NginxProxy = { ...it.proxy, mode: 'snippet' };
    const stage = await openStage(it.router, {}, null, proxy);
    it.stages.push(stage);
    const { door, port } = stage;
    // The file is named before it is there: a pattern may match nothing.
    await it.write(
      `server { listen 127.0.0.1:${port}; location = /own { return 200 own; } include ${it.directory}/bascule-${door.service}.serve[r]; }`,
    );
    assert.equal(spawnSync(join(it.root, 'helper'), ['nginx-reload']).status, 0);

    await it.router.install(door);
    await stage.route({ serve: 'green' });

    assert.match((await stage.get('/')).body, /^green-/);
    assert.equal((await stage.get('/own')).body, 'own');
  });

  test('a fault in a file of somebody else is named, and everything serves on', async (t) => {
    const it = await machine(t);
    const stage = await openStage(it.router, {}, undefined, it.proxy);
    it.stages.push(stage);
    await stage.route({ serve: 'blue' });
    await it.write('this is no directive;');
    const files = await readdir(it.directory);

    const { door } = stage;
    const changed = { ...door, spec: { ...door.spec, maxBodyBytes: 5 } };
    await assert.rejects(it.router.install(changed), (error: Error & { code?: string }) => {
      assert.equal(error.code, 'TRAFFIC_CONFIG_REFUSED');
      assert.match(error.message, /unknown directive "this".*etc\/nginx\.conf.*not a file of Bascule/s);
      return true;
    });

    assert.match((await stage.get('/')).body, /^blue-/);
    assert.equal(await ownPage(it), 'own');
    assert.deepEqual(await readdir(it.directory), files);
    await it.write('');
  });

  test('a directory that is not included is said, and the file is taken back', async (t) => {
    const it = await machine(t);
    await it.write('', false);
    const stage = await openStage(it.router, {}, null, it.proxy);
    it.stages.push(stage);

    await assert.rejects(it.router.install(stage.door), (error: Error & { code?: string }) => {
      assert.equal(error.code, 'TRAFFIC_NOT_SERVED');
      assert.match(error.message, /Is "include .*included\/\*\.conf;" in its http block/);
      return true;
    });

    assert.deepEqual(await readdir(it.directory), []);
    assert.equal(await ownPage(it), 'own');
  });

  test('a directory that is not there, a program that is missing or too old: refused, nothing changed', async (t) => {
    const it = await machine(t);
    const stage = await openStage(it.router, {}, null, it.proxy);
    it.stages.push(stage);
    const elsewhere = { ...stage.door.spec, proxy: { ...it.proxy, directory: '/nonexistent/bascule' } };
    await assert.rejects(it.router.install({ ...stage.door, spec: elsewhere }), {
      code: 'TRAFFIC_CONFIG_UNWRITABLE',
    });

    for (const [script, code] of [
      ['exec /nonexistent/nginx -v', 'TRAFFIC_PROXY_MISSING'],
      ['echo nginx version: nginx/1.14.2', 'TRAFFIC_PROXY_TOO_OLD'],
    ] as const) {
      const helper = join(it.root, `helper-${code}`);
      await writeFile(helper, `#!/bin/sh\n${script}\n`);
      await chmod(helper, 0o755);
      const router = new NginxRouter({
        root: join(it.root, `state-${code}`),
        clock: systemClock,
        helper: [helper],
      });
      await assert.rejects(router.install(stage.door), { code });
      router.close();
    }
    assert.equal(await ownPage(it), 'own');
  });

  test('what nginx cannot serve is refused, and what served before still serves', async (t) => {
    const it = await machine(t);
    const stage = await openStage(it.router, {}, undefined, it.proxy);
    it.stages.push(stage);
    await stage.route({ serve: 'blue' });
    const { door } = stage;
    const below = {
      ...door.slots,
      // One replica below a path and another not: nginx has one path for a slot.
      green: door.slots.green.map((one, index) => ({ ...one, pathPrefix: index === 0 ? '/canary' : '' })),
    };
    const changes = [
      { slots: below },
      { sticky: { by: 'header' as const, header: 'x$y' } },
      { spec: { ...door.spec, path: '/a%0ab' } },
      { spec: { ...door.spec, path: '/a%zz' } },
    ];

    for (const change of changes)
      await assert.rejects(it.router.install({ ...door, ...change }), { code: 'TRAFFIC_DOOR_UNSERVABLE' });

    assert.match((await stage.get('/')).body, /^blue-/);
  });

  test('a port that another program has: said, and everything else serves on', async (t) => {
    const it = await machine(t);
    const stage = await openStage(it.router, {}, undefined, it.proxy);
    it.stages.push(stage);
    await stage.route({ serve: 'blue' });
    const other = await openStage(it.router, {}, null, it.proxy);
    const taken = stage.applications.blue[0]!.address.port;
    const spec = { ...other.door.spec, listen: { address: '127.0.0.1', port: taken } };

    await assert.rejects(it.router.install({ ...other.door, spec }), { code: 'TRAFFIC_NOT_SERVED' });

    assert.match((await stage.get('/')).body, /^blue-/);
    it.stages.push(other);
  });
});
