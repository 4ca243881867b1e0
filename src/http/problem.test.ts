import assert from 'node:assert/strict';
import { test } from 'node:test';
import { OperatingError } from '../lib/errors.ts';
import { CODES } from '../release/codes.ts';
import { problemOf, STATUS } from './problem.ts';

test('every code with a status of its own is one that can be explained', () => {
  assert.deepEqual(
    Object.keys(STATUS).filter((code) => !(code in CODES)),
    [],
  );
});

test('what is not listed is a refusal', () => {
  const { status, code, title, type } = problemOf(
    new OperatingError('NO_ROLLOUT', 'x', { retryable: false }),
  );

  assert.deepEqual([status, code, type], [409, 'NO_ROLLOUT', 'urn:bascule:NO_ROLLOUT']);
  assert.equal(title, CODES.NO_ROLLOUT.title);
});

test('anything else thrown is a bug that keeps its text', () => {
  for (const thrown of [new TypeError('inside'), 'inside', null]) {
    const problem = problemOf(thrown);
    assert.deepEqual([problem.status, problem.code], [500, 'SERVER_BUG']);
    assert.doesNotMatch(problem.detail, /inside/);
  }
});
