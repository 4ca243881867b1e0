import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { test } from 'node:test';
import { openBuiltin } from '../builtin/conformance.ts';
import { openStage, send, waitFor } from '../conformance.ts';
import { holdConformance } from '../hold-conformance.ts';
import { searchPath } from '../proxy-command.ts';
import { openHaproxy } from './conformance.ts';

const ENV = { ...process.env, PATH: searchPath() };
const skip = spawnSync('haproxy', ['-v'], { env: ENV }).status === 0 ? false : 'haproxy is not installed';

holdConformance('HAProxy', (holdPort) => openHaproxy({ holdPort }), skip);

test(
  'who waits while HAProxy is loaded anew goes on, and so does who comes after it was killed',
  { skip },
  async (t) => {
    const builtin = await openBuiltin(1);
    const bench = await openHaproxy({ holdPort: builtin.router.holdPort });
    const stage = await openStage(bench.router, {}, undefined, bench.proxy);
    t.after(async () => {
      await stage.close();
      await bench.close();
      await builtin.close();
    });
    const { port } = stage;
    const { managed } = bench.router;
    const hold = { maxMs: 20_000, maxRequests: 100, maxBytes: 10_000_000 };
    await stage.route({ serve: 'blue', hold });
    const { current } = await managed.master.workers();

    const before = send({ port, path: '/', method: 'POST', body: 'x' });
    await stage.observed((seen) => seen.held === 1);
    process.kill(managed.pid!, 'SIGUSR2');
    await waitFor(
      () => managed.master.workers().catch(() => null),
      (now) => now !== null && now.current !== null && now.current !== current,
    );
    const after = send({ port, path: '/' });
    await stage.observed((seen) => seen.held === 2);
    await stage.route({ serve: 'green' });
    for (const answer of await Promise.all([before, after])) assert.match(answer.body, /^green-/);

    await bench.restart();
    await stage.route({ serve: 'blue', hold });
    const last = send({ port, path: '/' });
    await stage.observed((seen) => seen.held === 1);
    await stage.route({ serve: 'blue' });
    assert.match((await last).body, /^blue-/);
  },
);
