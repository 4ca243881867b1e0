import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type AddressInfo, type ListenOptions, type Server } from 'node:net';
import { test, type TestContext } from 'node:test';
import * as fc from 'fast-check';
import { allocatePorts, assertFree, findTaken } from './ports.ts';

async function listening(t: TestContext, options: ListenOptions): Promise<number> {
  const server: Server = createServer().listen({ port: 0, ...options });
  t.after(() => server.close());
  await once(server, 'listening');
  return (server.address() as AddressInfo).port;
}

test('both slots get their own ports, the lowest that are free', () => {
  const ports = allocatePorts({ from: 8200, to: 8299, taken: new Set([8201, 8204]), perSlot: 2 });

  assert.deepEqual(ports, { blue: [8200, 8202], green: [8203, 8205] });
});

test('allocated ports are in range, not taken, and never shared', () => {
  const taken = fc.array(fc.integer({ min: 100, max: 130 })).map((ports) => new Set(ports));
  fc.assert(
    fc.property(taken, fc.integer({ min: 1, max: 10 }), (used, perSlot) => {
      const free = 31 - used.size;
      const allocate = (): number[] => {
        const { blue, green } = allocatePorts({ from: 100, to: 130, taken: used, perSlot });
        assert.equal(blue.length, perSlot);
        assert.equal(green.length, perSlot);
        return [...blue, ...green];
      };
      if (free < perSlot * 2) {
        assert.throws(allocate, { code: 'WORKLOAD_NO_PORTS' });
        return;
      }
      const ports = allocate();
      assert.equal(new Set(ports).size, ports.length);
      assert.ok(ports.every((port) => port >= 100 && port <= 130 && !used.has(port)));
    }),
  );
});

test('a taken port is found with the program that holds it', async (t) => {
  const port = await listening(t, { host: '127.0.0.1' });

  const taken = await findTaken([{ host: '127.0.0.1', port }]);

  assert.equal(taken.length, 1);
  assert.match(taken[0]!.holder, new RegExp(`^pid ${process.pid} \\(.*node`));
  await assert.rejects(assertFree([{ host: '127.0.0.1', port }]), {
    code: 'WORKLOAD_PORT_TAKEN',
    message: new RegExp(`127\\.0\\.0\\.1:${port}: that port is held by pid ${process.pid} `),
  });
});

test('a program on all addresses holds the port too', async (t) => {
  for (const host of ['0.0.0.0', '::']) {
    const port = await listening(t, { host });

    assert.equal((await findTaken([{ host: '127.0.0.1', port }])).length, 1, host);
  }
});

test('a port is free again once nobody listens, and checking does not hold it', async (t) => {
  const port = await listening(t, { host: '127.0.0.1' });
  const elsewhere = { host: '127.0.0.2', port };

  assert.deepEqual(await findTaken([elsewhere]), []);
  assert.deepEqual(await findTaken([elsewhere]), []);
});
