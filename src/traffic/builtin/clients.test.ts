import assert from 'node:assert/strict';
import { type TestContext, after, before, describe, test } from 'node:test';
import type { BuiltinProxy } from '../../release/service.ts';
import { type Stage, freePort, openStage, send } from '../conformance.ts';
import { type BuiltinBench, openBuiltin } from './conformance.ts';
import { ClientCheck } from './worker/client-check.ts';

async function statusFor(stage: Stage, forwardedFor?: string): Promise<number> {
  const headers = forwardedFor === undefined ? {} : { 'x-forwarded-for': forwardedFor };
  return (await send({ port: stage.port, path: '/asked', headers })).status;
}

describe('who may come to the built-in proxy', () => {
  let bench: BuiltinBench;

  before(async () => {
    bench = await openBuiltin();
  });
  after(async () => bench.close());

  async function setUp(t: TestContext, proxy: Partial<BuiltinProxy>, trustForwarded = false): Promise<Stage> {
    const host = '127.0.0.1';
    const preview = { blue: { host, port: await freePort() }, green: { host, port: await freePort() } };
    const stage = await openStage(bench.router, { preview }, undefined, { kind: 'builtin', ...proxy });
    t.after(stage.close);
    await bench.router.install({ ...stage.door, spec: { ...stage.door.spec, trustForwarded } });
    await stage.route({ serve: 'blue' });
    return stage;
  }

  test('who is denied, or not allowed, gets 403, reaches nobody and counts for nobody', async (t) => {
    for (const proxy of [{ deny: ['127.0.0.0/8'] }, { allow: ['10.0.0.0/8', '::1/128'] }]) {
      const stage = await setUp(t, proxy);
      const { cursor } = await bench.router.traffic(stage.door.service, null);

      assert.equal(await statusFor(stage), 403);
      assert.equal(await statusFor(stage, '10.1.2.3'), 403, 'anybody could say so');

      assert.deepEqual(
        stage.applications.blue.flatMap((each) => each.asked),
        [],
      );
      const preview = await send({ port: stage.door.preview!.blue.port, path: '/' });
      assert.equal(preview.status, 200, 'a preview address is the machine’s own');
      assert.deepEqual((await bench.router.traffic(stage.door.service, cursor)).replicas, []);
    }
  });

  test('who is allowed comes in, and a change holds from the next request on', async (t) => {
    const stage = await setUp(t, { allow: ['127.0.0.1/32'] });
    assert.equal(await statusFor(stage), 200);

    const proxy = { kind: 'builtin' as const, allow: ['127.0.0.0/8'], deny: ['127.0.0.1/32'] };
    await bench.router.install({ ...stage.door, spec: { ...stage.door.spec, proxy } });

    assert.equal(await statusFor(stage), 403, 'deny goes before allow');
  });

  test('behind a trusted proxy it goes by the address that that one named last', async (t) => {
    const stage = await setUp(t, { allow: ['10.0.0.0/8', 'fd00::/8'], deny: ['10.9.0.0/16'] }, true);

    assert.deepEqual(
      await Promise.all(
        [
          '10.1.2.3',
          '8.8.8.8, 10.1.2.3',
          'fd00::7',
          '10.1.2.3, 8.8.8.8',
          '10.9.1.1',
          'nonsense',
          undefined,
        ].map((each) => statusFor(stage, each)),
      ),
      [200, 200, 200, 403, 403, 403, 403],
    );
  });

  test('an IPv4 network has no IPv6 clients, and what is no address is in none', () => {
    const check = new ClientCheck(['0.0.0.0/0'], undefined);

    assert.deepEqual(
      ['1.2.3.4', '::1', 'unknown', ''].map((each) => check.isWelcome(each)),
      [true, false, false, false],
    );
    assert.equal(new ClientCheck(undefined, ['0.0.0.0/0']).isWelcome('1.2.3.4:80'), false);
  });
});
