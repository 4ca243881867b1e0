import assert from 'node:assert/strict';
import { after, before, beforeEach, describe, test } from 'node:test';
import { OperatingError } from '../lib/errors.ts';
import { testApi, type TestApi } from './api-fixture.ts';
import { PROGRESSING } from './fake-views.ts';

const KEY = { 'idempotency-key': 'key-0000-0001' };
const PAUSE = ['operator', 'POST', '/services/shop/pause'] as const;

describe('Idempotency-Key', () => {
  let api: TestApi;
  before(async () => {
    api = await testApi();
  });
  after(() => api.end());
  beforeEach(() => {
    api.kept.clear();
    api.fake.calls.length = 0;
    api.fake.refusal = null;
    api.fake.onSteer = () => undefined;
    api.fake.show(PROGRESSING);
  });

  test('the same request again gets the same answer and does nothing', async () => {
    const first = await api.ask(...PAUSE, { headers: KEY });
    api.fake.show({ ...PROGRESSING, users: 'something else' });
    const again = await api.ask(...PAUSE, { headers: KEY });

    assert.equal(first.status, 200);
    assert.deepEqual(again.body, first.body);
    assert.equal(api.fake.calls.length, 1);
  });

  test('a token is made once, and its text is kept nowhere', async () => {
    const body = { name: 'ana', role: 'viewer', forMs: 60_000 };
    const made = await api.ask('admin', 'POST', '/tokens', { headers: KEY, body });
    const again = await api.ask('admin', 'POST', '/tokens', { headers: KEY, body });

    assert.equal(made.status, 200);
    assert.deepEqual([again.status, again.body.code], [409, 'TOKEN_MADE']);
    assert.match(again.body.detail, new RegExp(`Token ${made.body.token.id} was made`, 'u'));
    assert.doesNotMatch(JSON.stringify([...api.kept.values()]), /bsc_/u);
    assert.equal((await api.ask('admin', 'GET', '/tokens')).body.tokens.length, 1);
  });

  test('the same answer also after a restart', async () => {
    const first = await api.ask(...PAUSE, { headers: KEY });
    await api.api.stop(500);
    await api.again();
    const again = await api.ask(...PAUSE, { headers: KEY });

    assert.deepEqual(again.body, first.body);
    assert.equal(api.fake.calls.length, 1);
  });

  test('another request with the key is refused', async () => {
    await api.ask(...PAUSE, { headers: KEY });
    const others = [
      await api.ask('operator', 'POST', '/services/shop/resume', { headers: KEY }),
      await api.ask(...PAUSE, { headers: { ...KEY, 'bascule-actor': 'bob' } }),
      await api.ask('admin', 'POST', '/services/shop/pause', { headers: KEY }),
    ];

    for (const got of others) assert.deepEqual([got.status, got.body.code], [422, 'IDEMPOTENCY_KEY_REUSED']);
    assert.equal(api.fake.calls.length, 1);
  });

  test('a second one that comes while the first is under way waits for its answer', async () => {
    const held = Promise.withResolvers<void>();
    const reached = Promise.withResolvers<void>();
    api.fake.onSteer = () => {
      reached.resolve();
      return held.promise;
    };
    const first = api.ask(...PAUSE, { headers: KEY });
    await reached.promise;
    const second = api.ask(...PAUSE, { headers: KEY });
    held.resolve();

    assert.deepEqual((await second).body, (await first).body);
    assert.equal(api.fake.calls.length, 1);
  });

  test('a refusal is kept; what may succeed later, and bugs, are not', async () => {
    const refuse = (retryable: boolean) => {
      api.fake.refusal = new OperatingError('ROUTE_PENDING', 'not proven yet', { retryable });
    };
    refuse(true);
    assert.equal((await api.ask(...PAUSE, { headers: KEY })).status, 409);
    refuse(false);
    assert.equal((await api.ask(...PAUSE, { headers: KEY })).status, 409);
    api.fake.refusal = null;
    const kept = await api.ask(...PAUSE, { headers: KEY });

    assert.equal(kept.status, 409);
    assert.equal(api.fake.calls.length, 2);
    api.fake.onSteer = () => {
      throw new Error('bug');
    };
    const other = { 'idempotency-key': 'key-0000-0002' };
    assert.equal((await api.ask(...PAUSE, { headers: other })).status, 500);
    api.fake.onSteer = () => undefined;
    assert.equal((await api.ask(...PAUSE, { headers: other })).status, 200);
  });

  test('a key that cannot be one is refused', async () => {
    for (const key of ['short', 'with a space', 'x'.repeat(129)]) {
      const got = await api.ask(...PAUSE, { headers: { 'idempotency-key': key } });
      assert.equal(got.body.code, 'IDEMPOTENCY_KEY_INVALID', key);
    }
    assert.equal(api.fake.calls.length, 0);
  });

  test('a request that is not valid is not kept', async () => {
    const weight = ['operator', 'POST', '/services/shop/weight'] as const;
    assert.equal((await api.ask(...weight, { headers: KEY, body: { percent: 1000 } })).status, 400);
    assert.equal((await api.ask(...weight, { headers: KEY, body: { percent: 10 } })).status, 200);
  });
});
