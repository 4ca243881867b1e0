import assert from 'node:assert/strict';
import test from 'node:test';
import { formatUpstream, withPrefix } from './upstream.ts';

const CASES: readonly (readonly [prefix: string, target: string, becomes: string])[] = [
  ['', '/', '/'],
  ['', '/x?q=1', '/x?q=1'],
  ['/canary', '/', '/canary'],
  ['/canary/', '/', '/canary/'],
  ['/canary', '/?q=/', '/canary?q=/'],
  ['/canary/', '/?q=1', '/canary/?q=1'],
  ['/canary', '/x', '/canary/x'],
  ['/canary/', '/x/', '/canary/x/'],
  ['/canary', '//x', '/canary//x'],
  ['/a/b', '/canary', '/a/b/canary'],
  ['/canary', '*', '*'],
];

for (const [prefix, target, becomes] of CASES)
  test(`${target} under "${prefix}" is ${becomes}`, () => {
    assert.equal(withPrefix(prefix, target), becomes);
  });

test('an upstream is written as an address that people know', () => {
  assert.equal(
    formatUpstream({ host: '127.0.0.1', port: 8080, pathPrefix: '/canary' }),
    'http://127.0.0.1:8080/canary',
  );
  assert.equal(formatUpstream({ host: '::1', port: 80, pathPrefix: '' }), 'http://[::1]:80');
});
