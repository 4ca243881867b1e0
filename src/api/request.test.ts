import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isActing, requestOf } from './request.ts';

test('a request is its name, filled in', () => {
  assert.deepEqual(requestOf('GET /services', {}), { method: 'GET', path: '/api/v1/services', body: null });
  assert.deepEqual(
    requestOf('GET /services/{service}/history', { params: { service: 'shop' }, query: { limit: '5' } }),
    { method: 'GET', path: '/api/v1/services/shop/history?limit=5', body: null },
  );
  assert.deepEqual(
    requestOf('POST /services/{service}/releases/{version}/deploy', {
      params: { service: 'shop', version: 'v1+2' },
      body: { supersede: true },
    }),
    { method: 'POST', path: '/api/v1/services/shop/releases/v1%2B2/deploy', body: '{"supersede":true}' },
  );
});

test('what people typed stays one value, wherever it goes', () => {
  const { path } = requestOf('GET /audit', { query: { actor: 'ana & bob=?#', verb: 'lock release' } });

  assert.equal(path, '/api/v1/audit?actor=ana%20%26%20bob%3D%3F%23&verb=lock%20release');
  assert.equal(
    requestOf('GET /rollouts/{rollout}', { params: { rollout: '../tokens?x' } }).path,
    '/api/v1/rollouts/..%2Ftokens%3Fx',
  );
  assert.equal(new URL(path, 'http://x').searchParams.get('actor'), 'ana & bob=?#');
});

test('whatever acts is told apart from what looks', () => {
  assert.equal(isActing(requestOf('GET /tokens', {})), false);
  assert.equal(isActing(requestOf('DELETE /tokens/{token}', { params: { token: '1a2b3c4d' } })), true);
});
