import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { get } from 'node:http';
import { createServer, type AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, test } from 'node:test';
import { formatAddress, type Address } from '../lib/address.ts';
import type { Release } from '../release/release.ts';
import type { LogLine, SlotWorkload, WorkloadRuntime } from './runtime.ts';

/** What the applications of the suite do. Every adapter brings its own programs for them. */
export type AppKind =
  /**
   * Listens on its address; answers any GET with a JSON object of its environment variables and `pid`; the path `/exit` ends it
   * with exit code 7; prints `ready`, and one line `GET path` for each request.
   */
  | 'serves'
  /** As `serves`, but ignores SIGTERM. */
  | 'ignores-term'
  /** As `serves`, but on an address of its own choice. */
  | 'listens-elsewhere'
  /** Prints `no luck` and ends with exit code 1. */
  | 'exits'
  /** Runs, listens on nothing. */
  | 'idles';

export type Harness = {
  /** A new runtime over the same state, as a new controller has it. Leaves what runs alone. */
  open(): Promise<WorkloadRuntime>;
  /** Ends the use of a runtime as a controller's end does: what runs goes on. */
  leave(runtime: WorkloadRuntime): Promise<void>;
  release(service: string, label: string, app: AppKind): Promise<Release>;
  /** Facts that this kind of workload cannot have, by their name, each with the reason. */
  readonly skips?: Readonly<Record<string, string>>;
  /** Removes everything of a service, whatever state a failed test left it in. */
  cleanUp(service: string): Promise<void>;
};

const DEADLINE_MS = 15_000;

type World = {
  readonly runtime: WorkloadRuntime;
  readonly service: string;
  readonly workload: (label: string, app: AppKind, replicas: number) => Promise<SlotWorkload>;
};

/** The facts that hold for every kind of workload. Each test has a service of its own. */
export function workloadConformance(name: string, harness: Harness): void {
  const unskipped = new Set(Object.keys(harness.skips ?? {}));

  function fact(what: string, body: (world: World) => Promise<void>): void {
    unskipped.delete(what);
    const skip = harness.skips?.[what] ?? false;
    test(what, { timeout: 60_000, skip }, async (t) => {
      const service = `t-${randomBytes(4).toString('hex')}`;
      const runtime = await harness.open();
      t.after(async () => {
        await harness.leave(runtime);
        await harness.cleanUp(service);
      });
      const addresses = await freeAddresses(3);
      const workload = async (label: string, app: AppKind, replicas: number): Promise<SlotWorkload> => ({
        service,
        slot: 'blue',
        release: await harness.release(service, label, app),
        replicas,
        addresses,
      });
      await body({ runtime, service, workload });
    });
  }

  describe(`workload runtime: ${name}`, () => {
    fact(
      'each replica serves on its own address and knows who it is',
      async ({ runtime, service, workload }) => {
        const wanted = await workload('v1', 'serves', 2);
        await runtime.ensure(wanted);

        for (const replica of [0, 1]) {
          const seen = await ask(wanted.addresses[replica]!);
          assert.equal(seen['BASCULE_SERVICE'], service);
          assert.equal(seen['BASCULE_SLOT'], 'blue');
          assert.equal(seen['BASCULE_REPLICA'], String(replica));
          assert.equal(seen['BASCULE_VERSION'], 'v1');
        }
        const states = await runtime.observe(service);
        assert.deepEqual(
          states.map(({ replica, running, releaseId, crashes, lastExit }) => ({
            replica,
            running,
            releaseId,
            crashes,
            lastExit,
          })),
          [0, 1].map((replica) => ({
            replica,
            running: true,
            releaseId: `${service}/v1`,
            crashes: 0,
            lastExit: null,
          })),
        );
      },
    );

    fact('ensuring what runs already changes nothing', async ({ runtime, service, workload }) => {
      const wanted = await workload('v1', 'serves', 2);
      await runtime.ensure(wanted);
      const before = await runtime.observe(service);

      await Promise.all([runtime.ensure(wanted), runtime.ensure(wanted)]);

      assert.deepEqual(await runtime.observe(service), before);
    });

    fact('replicas are added and taken away, the others stay', async ({ runtime, service, workload }) => {
      const one = await workload('v1', 'serves', 1);
      await runtime.ensure(one);
      const [first] = await runtime.observe(service);

      await runtime.ensure({ ...one, replicas: 3 });
      assert.equal((await runtime.observe(service)).length, 3);
      await runtime.ensure(one);

      assert.deepEqual(await runtime.observe(service), [first]);
      assert.equal(await answers(one.addresses[2]!), false);
    });

    fact('another release in the same slot replaces the former', async ({ runtime, service, workload }) => {
      const former = await workload('v1', 'serves', 2);
      await runtime.ensure(former);

      await runtime.ensure({ ...(await workload('v2', 'serves', 1)), addresses: former.addresses });

      assert.equal((await ask(former.addresses[0]!))['BASCULE_VERSION'], 'v2');
      assert.deepEqual(
        (await runtime.observe(service)).map((state) => state.releaseId),
        [`${service}/v2`],
      );
      assert.equal(await answers(former.addresses[1]!), false);
    });

    fact('the two slots of a service do not touch each other', async ({ runtime, service, workload }) => {
      const blue = await workload('v1', 'serves', 1);
      const green: SlotWorkload = {
        ...(await workload('v2', 'serves', 1)),
        slot: 'green',
        addresses: await freeAddresses(1),
      };
      await Promise.all([runtime.ensure(blue), runtime.ensure(green)]);
      assert.equal((await ask(green.addresses[0]!))['BASCULE_SLOT'], 'green');

      await runtime.stop(service, 'green', 5000);

      assert.equal((await ask(blue.addresses[0]!))['BASCULE_SLOT'], 'blue');
      assert.deepEqual(
        (await runtime.observe(service)).map((state) => state.slot),
        ['blue'],
      );
    });

    fact('stopping leaves nothing, and twice is once', async ({ runtime, service, workload }) => {
      const wanted = await workload('v1', 'serves', 2);
      await runtime.ensure(wanted);
      await ask(wanted.addresses[0]!);

      await runtime.stop(service, 'blue', 5000);
      await runtime.stop(service, 'blue', 5000);

      assert.deepEqual(await runtime.observe(service), []);
      assert.equal(await answers(wanted.addresses[0]!), false);
      await runtime.stop('never-seen', 'blue', 5000);
    });

    fact(
      'what does not stop when asked is killed after its grace',
      async ({ runtime, service, workload }) => {
        const wanted = await workload('v1', 'ignores-term', 1);
        await runtime.ensure(wanted);
        await ask(wanted.addresses[0]!);
        const startedMs = performance.now();

        await runtime.stop(service, 'blue', 500);

        const tookMs = performance.now() - startedMs;
        assert.ok(tookMs >= 450 && tookMs < 5000, `took ${tookMs} ms`);
        assert.equal(await answers(wanted.addresses[0]!), false);
      },
    );

    fact('a crash is counted and the replica comes back', async ({ runtime, service, workload }) => {
      const wanted = await workload('v1', 'serves', 1);
      await runtime.ensure(wanted);
      const before = await ask(wanted.addresses[0]!);

      await ask(wanted.addresses[0]!, '/exit').catch(() => undefined);
      await until(
        async () => (await answers(wanted.addresses[0]!)) && (await runtime.observe(service))[0]!.crashes > 0,
      );

      const after = await ask(wanted.addresses[0]!);
      assert.notEqual(after['pid'], before['pid']);
      const [state] = await runtime.observe(service);
      assert.equal(state!.crashes, 1);
      assert.equal(state!.lastExit, 'exit code 7');
      assert.equal(state!.running, true);
    });

    fact(
      'what crashes again and again is not started again once stopped',
      async ({ runtime, service, workload }) => {
        await runtime.ensure(await workload('v1', 'exits', 1));
        await until(async () => (await runtime.observe(service))[0]!.crashes >= 2);
        assert.equal((await runtime.observe(service))[0]!.lastExit, 'exit code 1');

        await runtime.stop(service, 'blue', 5000);
        let changes = 0;
        runtime.onChange((changed) => (changes += changed === service ? 1 : 0));
        await sleep(1000); // longer than the back-off that was under way

        assert.equal(changes, 0);
        assert.deepEqual(await runtime.observe(service), []);
      },
    );

    fact('starts and exits are told', async ({ runtime, service, workload }) => {
      const told: string[] = [];
      const wanted = await workload('v1', 'serves', 1);
      const unsubscribe = runtime.onChange((changed, slot) => told.push(`${changed} ${slot}`));
      await runtime.ensure(wanted);
      await until(async () => told.length === 1);
      await runtime.stop(service, 'blue', 5000);
      await until(async () => told.length === 2);
      assert.deepEqual(told, [`${service} blue`, `${service} blue`]);

      unsubscribe();
      await runtime.ensure(wanted);

      assert.equal(told.length, 2);
    });

    fact('the next controller adopts what runs', async ({ runtime, service, workload }) => {
      const wanted = await workload('v1', 'serves', 2);
      await runtime.ensure(wanted);
      const before = await ask(wanted.addresses[0]!);
      const states = await runtime.observe(service);
      await harness.leave(runtime);

      const next = await harness.open();
      try {
        assert.deepEqual(await next.observe(service), states);
        await next.ensure(wanted);
        assert.deepEqual(await next.observe(service), states);
        assert.equal((await ask(wanted.addresses[0]!))['pid'], before['pid']);

        await ask(wanted.addresses[0]!, '/exit').catch(() => undefined);
        await until(
          async () =>
            (await next.observe(service))[0]!.crashes === 1 && (await answers(wanted.addresses[0]!)),
        );
        assert.equal((await next.observe(service))[1]!.crashes, 0);
        await next.stop(service, 'blue', 5000);
        assert.equal(await answers(wanted.addresses[0]!), false);
      } finally {
        await harness.leave(next);
      }
    });

    fact(
      'what died while there was no controller is started by the next ensure',
      async ({ runtime, service, workload }) => {
        const wanted = await workload('v1', 'serves', 1);
        await runtime.ensure(wanted);
        await ask(wanted.addresses[0]!);
        await harness.leave(runtime);
        await ask(wanted.addresses[0]!, '/exit').catch(() => undefined);
        await until(async () => !(await answers(wanted.addresses[0]!)));

        const next = await harness.open();
        try {
          await until(async () => !(await next.observe(service))[0]!.running);
          await next.ensure(wanted);

          await ask(wanted.addresses[0]!);
          assert.equal((await next.observe(service))[0]!.crashes, 1);
        } finally {
          await harness.leave(next);
        }
      },
    );

    fact('a port that another program holds is refused by name', async ({ runtime, service, workload }) => {
      const wanted = await workload('v1', 'serves', 2);
      const other = createServer().listen(wanted.addresses[1]!.port, wanted.addresses[1]!.host);
      await once(other, 'listening');
      try {
        await assert.rejects(runtime.ensure(wanted), (error: Error & { code?: string }) => {
          assert.equal(error.code, 'WORKLOAD_PORT_TAKEN');
          assert.match(
            error.message,
            new RegExp(`${formatAddress(wanted.addresses[1]!)}.*pid ${process.pid}`),
          );
          return true;
        });
        assert.deepEqual(
          (await runtime.observe(service)).filter((state) => state.running),
          [],
        );
      } finally {
        other.close();
      }
    });

    fact('output is kept, with who wrote it, also after the stop', async ({ runtime, service, workload }) => {
      const wanted = await workload('v1', 'serves', 2);
      await runtime.ensure(wanted);
      for (const address of wanted.addresses.slice(0, 2)) await ask(address, '/hello');
      const options = { follow: false, tail: 10, signal: new AbortController().signal };
      const both = [0, 1].flatMap((replica) => [
        { replica, releaseId: `${service}/v1`, text: 'ready' },
        { replica, releaseId: `${service}/v1`, text: 'GET /hello' },
      ]);
      assert.deepEqual(withoutNoise(await collect(runtime.logs(service, 'blue', options))), both);

      await runtime.stop(service, 'blue', 5000);

      assert.deepEqual(withoutNoise(await collect(runtime.logs(service, 'blue', options))), both);
      assert.deepEqual(await collect(runtime.logs('never-seen', 'blue', options)), []);
    });

    fact('output is followed until the signal', async ({ runtime, service, workload }) => {
      const wanted = await workload('v1', 'serves', 1);
      await runtime.ensure(wanted);
      await ask(wanted.addresses[0]!, '/first');
      const end = AbortSignal.timeout(DEADLINE_MS);
      const seen = new AbortController();
      const signal = AbortSignal.any([end, seen.signal]);

      for await (const line of runtime.logs(service, 'blue', { follow: true, tail: 10, signal })) {
        if (line.text === 'GET /first') await ask(wanted.addresses[0]!, '/second');
        if (line.text === 'GET /second') seen.abort();
      }

      assert.equal(end.aborted, false, 'the line did not come, or the signal did not end it');
    });

    fact('a diagnosis tells where the program listens instead', async ({ runtime, service, workload }) => {
      const wanted = await workload('v1', 'listens-elsewhere', 1);
      await runtime.ensure(wanted);

      const { port } = wanted.addresses[0]!;
      const line = await findLine(
        runtime,
        service,
        new RegExp(`listens on \\d+, not on \\$PORT \\(${port}\\)`),
      );

      assert.match(line, /^replica 0 \(pid \d+\)/);
    });

    fact('a diagnosis tells exits and last words', async ({ runtime, service, workload }) => {
      await runtime.ensure(await workload('v1', 'exits', 1));

      await findLine(runtime, service, /exited 2 times, last with exit code 1; next start in/);
      await findLine(runtime, service, /replica 0 said: no luck/);
    });

    fact(
      'a diagnosis tells that nothing listens yet, or that all is well',
      async ({ runtime, service, workload }) => {
        assert.deepEqual(await runtime.diagnose(service, 'blue'), ['nothing runs in blue']);
        const idle = await workload('v1', 'idles', 1);
        await runtime.ensure(idle);
        await findLine(runtime, service, /still runs after .*listens on nothing yet/);

        await runtime.ensure({ ...(await workload('v2', 'serves', 1)), addresses: idle.addresses });

        await findLine(
          runtime,
          service,
          new RegExp(`listens on ${formatAddress(idle.addresses[0]!)}, as it should`),
        );
      },
    );

    test('every fact that is skipped is one of these', () => assert.deepEqual([...unskipped], []));
  });
}

/** Addresses on loopback that were free a moment ago. */
export async function freeAddresses(count: number): Promise<Address[]> {
  const servers = await Promise.all(
    Array.from({ length: count }, async () => {
      const server = createServer().listen(0, '127.0.0.1');
      await once(server, 'listening');
      return server;
    }),
  );
  const ports = servers.map((server) => (server.address() as AddressInfo).port);
  for (const server of servers) server.close();
  return ports.map((port) => ({ host: '127.0.0.1', port }));
}

/** Asks until there is an answer. */
async function ask(address: Address, path = '/'): Promise<Record<string, string>> {
  let last: Record<string, string> | undefined;
  await until(async () => {
    last = await request(address, path);
    return last !== undefined || path === '/exit';
  });
  return last ?? {};
}

async function answers(address: Address): Promise<boolean> {
  return (await request(address, '/')) !== undefined;
}

async function request(address: Address, path: string): Promise<Record<string, string> | undefined> {
  return new Promise((resolve) => {
    const asked = get({ ...address, path, agent: false, timeout: 2000 }, (response) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.once('end', () =>
        resolve(JSON.parse(Buffer.concat(chunks).toString()) as Record<string, string>),
      );
      response.once('error', () => resolve(undefined));
    });
    asked.once('timeout', () => asked.destroy());
    asked.once('error', () => resolve(undefined));
  });
}

export async function until(holds: () => Promise<boolean>): Promise<void> {
  const deadlineMs = performance.now() + DEADLINE_MS;
  while (!(await holds())) {
    assert.ok(performance.now() < deadlineMs, `not within ${DEADLINE_MS} ms: ${holds.toString()}`);
    await sleep(25);
  }
}

async function findLine(runtime: WorkloadRuntime, service: string, wanted: RegExp): Promise<string> {
  let found: string | undefined;
  await until(async () => {
    found = (await runtime.diagnose(service, 'blue')).find((line) => wanted.test(line));
    return found !== undefined;
  });
  return found!;
}

async function collect(lines: AsyncIterable<LogLine>): Promise<LogLine[]> {
  const found: LogLine[] = [];
  for await (const line of lines) found.push(line);
  return found;
}

/** Requests of `until` may come more often than once. */
function withoutNoise(lines: readonly LogLine[]): LogLine[] {
  return lines.filter((line) => line.text !== 'GET /');
}
