import assert from 'node:assert/strict';
import { type TestContext, after, before, describe, test } from 'node:test';
import type { BuiltinProxy } from '../../release/service.ts';
import { type Stage, openStage, send } from '../conformance.ts';
import { type BuiltinBench, openBuiltin } from './conformance.ts';
import { traceIdOf } from './worker/trace-context.ts';

const TRACE = '0af7651916cd43dd8448eb211c80319c';
const VALID = `00-${TRACE}-b7ad6b7169203331-01`;

async function got(
  { port }: Stage,
  headers: Record<string, string | string[]>,
): Promise<Record<string, string>> {
  return JSON.parse((await send({ port, path: '/reflect', headers })).body) as Record<string, string>;
}

describe('traces and times through the built-in proxy', () => {
  let bench: BuiltinBench;

  before(async () => {
    bench = await openBuiltin();
  });
  after(async () => bench.close());

  async function setUp(t: TestContext, proxy: Partial<BuiltinProxy>): Promise<Stage> {
    const stage = await openStage(bench.router, {}, undefined, { kind: 'builtin', ...proxy });
    t.after(stage.close);
    await stage.route({ serve: 'blue' });
    for (const each of stage.applications.blue)
      each.on.set('/reflect', (req, res) => res.end(JSON.stringify(req.headers)));
    return stage;
  }

  test('left alone, what a request says of its trace is passed on, valid or not', async (t) => {
    const stage = await setUp(t, {});

    for (const traceparent of [VALID, 'nonsense']) {
      const { traceparent: passed, tracestate } = await got(stage, { traceparent, tracestate: 'a=1' });
      assert.deepEqual([passed, tracestate], [traceparent, 'a=1']);
    }
    assert.equal((await got(stage, {})).traceparent, undefined);
  });

  test('a trace begins where none is, and a valid one goes on unchanged', async (t) => {
    const stage = await setUp(t, { startTracesPercent: 100 });

    const passed = await got(stage, { traceparent: VALID, tracestate: 'a=1' });
    const first = await got(stage, { tracestate: 'a=1' });
    const second = await got(stage, {});

    assert.deepEqual([passed.traceparent, passed.tracestate], [VALID, 'a=1']);
    assert.match(first.traceparent!, /^00-[0-9a-f]{32}-[0-9a-f]{16}-01$/);
    assert.equal(first.tracestate, undefined, 'a state without its trace');
    assert.notEqual(traceIdOf(first.traceparent!), traceIdOf(second.traceparent!));
  });

  test('what cannot be read is replaced, with its state', async (t) => {
    const stage = await setUp(t, { startTracesPercent: 0 });

    for (const headers of [
      { traceparent: VALID.toUpperCase() },
      { traceparent: [VALID, VALID] },
      { traceparent: `00-${'0'.repeat(32)}-b7ad6b7169203331-01` },
      { traceparent: VALID, connection: 'traceparent' },
    ]) {
      const seen = await got(stage, { ...headers, tracestate: 'a=1' });
      assert.match(seen.traceparent!, /^00-[0-9a-f]{32}-[0-9a-f]{16}-00$/, JSON.stringify(headers));
      assert.notEqual(traceIdOf(seen.traceparent!), TRACE);
      assert.equal(seen.tracestate, undefined);
    }
  });

  test('a part of what begins is marked as recorded', async (t) => {
    const stage = await setUp(t, { startTracesPercent: 50 });
    let recorded = 0;
    for (let i = 0; i < 100; i += 1) if ((await got(stage, {})).traceparent!.endsWith('-01')) recorded += 1;

    // Six standard deviations.
    assert.ok(recorded > 20 && recorded < 80, `${recorded}`);
  });

  test('Server-Timing says waiting and application apart, beside what the application says itself', async (t) => {
    const stage = await setUp(t, { serverTiming: true });
    for (const each of stage.applications.blue)
      each.on.set('/slowly', (_req, res) => {
        res.setHeader('Server-Timing', 'db;dur=5');
        setTimeout(() => res.end('x'), 40);
      });

    const { headers } = await send({ port: stage.port, path: '/slowly' });

    const found = /^db;dur=5, wait;dur=([\d.]+), app;dur=([\d.]+)$/.exec(String(headers['server-timing']));
    assert.ok(found !== null, String(headers['server-timing']));
    assert.ok(Number(found[1]) < 40 && Number(found[2]) >= 39, found[0]);
    const plain = await setUp(t, {});
    const answer = await send({ port: plain.port, path: '/reflect' });
    assert.equal(answer.headers['server-timing'], undefined);
  });
});
