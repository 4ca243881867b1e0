/** Another proxy takes the place of the one that runs: nobody but the log notices. */
import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { readFile, rm, writeFile } from 'node:fs/promises';
import { Agent, type IncomingMessage, get as httpGet } from 'node:http';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { type Stage, openStage, send, sum, waitFor } from '../conformance.ts';
import { type BuiltinBench, openBuiltin } from './conformance.ts';
import { builtinRouter } from './router.ts';

/** Of another program than the running proxy's. */
const BROKEN = [process.execPath, '-e', 'process.exit(7)'] as const;

type Opened = {
  readonly bench: BuiltinBench;
  readonly stage: Stage;
  /** Goes before the proxy does: a router that is left would start it anew. */
  readonly closeFirst: (router: { close(): void }) => void;
};

async function opened(t: TestContext, workers = 2): Promise<Opened> {
  const bench = await openBuiltin(workers);
  const stage = await openStage(bench.router, {});
  const others: { close(): void }[] = [];
  t.after(async () => {
    for (const router of others) router.close();
    await stage.close();
    await bench.close();
  });
  await stage.route({ serve: 'blue' });
  return { bench, stage, closeFirst: (router) => void others.push(router) };
}

function isGone(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return false;
  } catch {
    return true;
  }
}

async function untilGone(pid: number): Promise<void> {
  await waitFor(
    async () => isGone(pid),
    (gone) => gone,
  );
}

const SLOWEST_MS = 20;

/** Asks without a pause over kept connections until told to stop; returns how many were answered, and what failed. */
function keepAsking(
  port: number,
  connections: number,
): { stop(): Promise<{ answered: number; failed: string[] }> } {
  const agent = new Agent({ keepAlive: true, maxSockets: connections });
  const failed: string[] = [];
  const asking = { isOver: false };
  let answered = 0;
  const ask = async (): Promise<void> => {
    while (!asking.isOver) {
      try {
        const { status } = await send({
          port,
          path: `/slow?${Math.floor(Math.random() * SLOWEST_MS)}`,
          agent,
        });
        if (status === 200) answered += 1;
        else failed.push(String(status));
      } catch (error) {
        failed.push(String(error));
      }
    }
  };
  const all = Array.from({ length: connections }, ask);
  return {
    stop: async () => {
      asking.isOver = true;
      await Promise.all(all);
      agent.destroy();
      return { answered, failed };
    },
  };
}

test('under load: no request fails, each is counted once, the route and the cursor go on', async (t) => {
  const { bench, stage } = await opened(t);
  const before = bench.router.pid()!;
  const { cursor } = await bench.router.traffic(stage.door.service, null);
  const load = keepAsking(stage.port, 8);

  const first = await bench.router.replaceProxy();
  await stage.route({ serve: 'green' });
  const second = await bench.router.replaceProxy();

  assert.deepEqual([first.fromPid, second.fromPid], [before, first.toPid]);
  await untilGone(before);
  await untilGone(first.toPid);
  const { answered, failed } = await load.stop();
  t.diagnostic(`${answered} requests, replaced in ${first.tookMs} and ${second.tookMs} ms`);
  assert.deepEqual(failed, []);
  assert.ok(answered > 100, `only ${answered} requests`);
  assert.equal(bench.router.pid(), second.toPid);
  assert.match((await stage.get('/')).body, /^green-/);
  const counted = await stage.batched(
    cursor,
    ({ replicas }) => [...replicas].reduce((total, each) => total + each.requests, 0) >= answered + 1,
  );
  assert.equal(counted.lost, null);
  const all = (slot: 'blue' | 'green') => sum([...counted.replicas], slot, ({ requests }) => requests);
  assert.equal(all('blue') + all('green'), answered + 1);
  assert.ok(all('blue') > 0 && all('green') > 0);
});

test('what is in flight is answered, and a kept connection is served once more, by the route of that moment', async (t) => {
  const { bench, stage } = await opened(t);
  const before = bench.router.pid()!;
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  t.after(() => agent.destroy());
  const ask = () => send({ port: stage.port, path: '/', agent });
  assert.equal((await ask()).headers.connection, 'keep-alive');
  const answers: (() => void)[] = [];
  for (const app of stage.applications.blue)
    app.on.set('/slow-one', (_req, res) => answers.push(() => res.end('blue-late')));
  const slow = stage.get('/slow-one');
  await stage.applications.arrived('/slow-one');

  await bench.router.replaceProxy();
  await stage.route({ serve: 'green' });

  assert.ok(!isGone(before));
  assert.equal((await bench.router.observe(stage.door.service)).slots.blue.inFlight, 1);
  for (const answer of answers) answer();
  assert.equal((await slow).body, 'blue-late');
  assert.ok(!isGone(before), 'who is connected and silent keeps it');
  const last = await ask();
  assert.deepEqual([last.headers.connection, last.body.startsWith('green-')], ['close', true]);
  await untilGone(before);
  const next = await ask();
  assert.deepEqual([next.headers.connection, next.body.startsWith('green-')], ['keep-alive', true]);
});

test('an event stream gets its grace and a proper end', async (t) => {
  const { bench, stage } = await opened(t, 1);
  const before = bench.router.pid()!;
  for (const app of stage.applications.blue)
    app.on.set('/events', (_req, res) => {
      res.writeHead(200, { 'content-type': 'text/event-stream' });
      const timer = setInterval(() => res.write('data: 1\n\n'), 50);
      res.on('close', () => clearInterval(timer));
    });
  const stream = await new Promise<IncomingMessage>((resolve, reject) => {
    httpGet({ port: stage.port, host: '127.0.0.1', path: '/events', agent: false }, resolve).on(
      'error',
      reject,
    );
  });
  const heard: Buffer[] = [];
  stream.on('data', (chunk: Buffer) => heard.push(chunk));
  const ended = new Promise<string>((resolve) => {
    stream.on('end', () => resolve('properly')).on('error', (error) => resolve(error.message));
  });

  await bench.router.replaceProxy();
  const atReplacement = heard.length;

  assert.equal(await ended, 'properly');
  assert.ok(heard.length > atReplacement, 'it went on for a while');
  await untilGone(before);
});

test('a file that is torn is put aside, and what the running proxy knows is served on and written anew', async (t) => {
  const { bench, stage } = await opened(t, 1);
  const path = join(bench.stateDir, 'services', `${stage.door.service}.json`);
  const whole = await readFile(path, 'utf8');
  await writeFile(path, whole.slice(0, 100));
  const load = keepAsking(stage.port, 4);

  await bench.router.replaceProxy();

  assert.deepEqual((await load.stop()).failed, []);
  assert.match((await stage.get('/')).body, /^blue-/);
  assert.equal(await readFile(path, 'utf8'), whole);
  assert.ok(existsSync(`${path}.damaged`));
  assert.match(
    await readFile(join(bench.stateDir, 'proxy.log'), 'utf8'),
    new RegExp(
      `TRAFFIC_STATE_DAMAGED: .*\n[^]*as the former proxy had them, and not as on disk: ${stage.door.service}`,
    ),
  );
});

test('a file that is of another service is no state: the running proxy has it right', async (t) => {
  const { bench, stage } = await opened(t, 1);
  const folder = join(bench.stateDir, 'services');
  const own = await readFile(join(folder, `${stage.door.service}.json`), 'utf8');
  await writeFile(join(folder, 'foreign.json'), own);

  await bench.router.replaceProxy();

  assert.match((await stage.get('/')).body, /^blue-/);
  await assert.rejects(bench.router.observe('foreign'), { code: 'TRAFFIC_NOT_INSTALLED' });
  assert.ok(existsSync(join(folder, 'foreign.json.damaged')));
});

test('one that does not start leaves the running proxy serving and obeying', async (t) => {
  const { bench, stage, closeFirst } = await opened(t, 1);
  const before = bench.router.pid();
  const broken = builtinRouter({ stateDir: bench.stateDir, command: BROKEN });
  closeFirst(broken);

  await assert.rejects(broken.replaceProxy(), { code: 'TRAFFIC_PROXY_KEPT', message: /it ended \(7\)/ });

  await stage.route({ serve: 'green' });
  assert.match((await stage.get('/')).body, /^green-/);
  assert.equal(bench.router.pid(), before);
  await bench.router.replaceProxy();
  assert.match((await stage.get('/')).body, /^green-/);
});

test('a controller replaces a proxy of another build when it starts, and keeps one of its own', async (t) => {
  const { bench, stage, closeFirst } = await opened(t, 1);
  const before = bench.router.pid()!;
  const replaced: unknown[] = [];
  const open = (build: string, command: readonly [string, ...string[]]) => {
    const router = builtinRouter({
      stateDir: bench.stateDir,
      command,
      build,
      onReplaced: ({ from, to, fromPid }) => replaced.push([from, to, fromPid]),
      onKept: (why) => replaced.push(why),
    });
    closeFirst(router);
    return router;
  };
  const command = [...bench.command, 'two'] as const;

  const one = open('two', command);
  await one.start();
  const now = one.pid()!;
  assert.deepEqual(replaced, [[null, 'two', before]]);
  await open('two', command).start();
  await open('three', BROKEN).start();

  assert.deepEqual(
    replaced.slice(1).map((each) => /was not replaced: it ended/.test(String(each))),
    [true],
  );
  assert.equal(one.pid(), now);
  assert.match((await stage.get('/')).body, /^blue-/);
});

test('killed right after, while the former one still serves: nothing goes on by what nobody can change', async (t) => {
  const { bench, stage } = await opened(t, 1);
  const before = bench.router.pid()!;
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  t.after(() => agent.destroy());
  await send({ port: stage.port, path: '/', agent });
  const { toPid } = await bench.router.replaceProxy();
  assert.ok(!isGone(before));

  process.kill(toPid, 'SIGKILL');

  await untilGone(before);
  await waitFor(
    async () =>
      stage.get('/').then(
        ({ status }) => status,
        () => 0,
      ),
    (status) => status === 200,
  );
  assert.notEqual(bench.router.pid(), toPid);
});

test('stopped while the former one still serves: that one ends with it', async (t) => {
  const bench = await openBuiltin(1);
  const stage = await openStage(bench.router, {});
  t.after(async () => {
    await Promise.all([...stage.applications.blue, ...stage.applications.green].map((each) => each.close()));
    await rm(bench.stateDir, { recursive: true, force: true });
  });
  await stage.route({ serve: 'blue' });
  const before = bench.router.pid()!;
  const slow = stage.get('/slow?300');
  await stage.applications.arrived('/slow');
  const { toPid } = await bench.router.replaceProxy();

  await bench.router.stopProxy(5000);

  assert.match((await slow).body, /^blue-/);
  await untilGone(before);
  await untilGone(toPid);
});
