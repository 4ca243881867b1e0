import assert from 'node:assert/strict';
import { test } from 'node:test';
import { failureKind, shownPath } from './failed-request.ts';
import { CLASS } from './tally.ts';

for (const [target, shown] of [
  ['/', '/'],
  ['/checkout', '/checkout'],
  ['/checkout?card=4111111111111111', '/checkout'],
  ['/api/v2/orders/981723/pay', '/api/v2/orders/*/…'],
  ['/orders/981723/pay', '/orders/*/pay'],
  ['/users/anna@example.org', '/users/*'],
  ['/reset/9f86d081884c7d659a2feaa0c55ad015', '/reset/*'],
  ['/reset/abcdefghijklmnopqrstuvwxyzabcdefgh', '/reset/*'],
  ['/static/app.js', '/static/app.js'],
  ['/static/app.9f86d0.js', '/static/*'],
  ['http://shop.example.org/cart?x=1#y', '/cart'],
  ['/a/b/', '/a/b/'],
  ['/%41nna', '/*'],
  ['*', '/'],
] as const) {
  test(`${target} is kept as ${shown}`, () => {
    assert.equal(shownPath(target), shown);
  });
}

test('what the judge counts as failed has a kind, and nothing else has', () => {
  const kinds = Object.values(CLASS).map(failureKind);

  assert.deepEqual(kinds, [null, null, 'serverError', 'connectFailure', 'timeout', null]);
});
