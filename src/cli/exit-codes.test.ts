import assert from 'node:assert/strict';
import { test } from 'node:test';
import { OperatingError } from '../lib/errors.ts';
import { CODES } from '../release/codes.ts';
import { ServerProblem } from './server-problem.ts';
import { exitCodeOf, OWN } from './exit-codes.ts';

test('every code with an exit code of its own is one that can be explained', () => {
  assert.deepEqual(
    Object.keys(OWN).filter((code) => !(code in CODES)),
    [],
  );
});

test('what the server answers decides the exit code by its status', () => {
  const bare = { type: '', title: '', detail: '', code: 'X', retryable: false, requestId: '', now: null };
  const codes = [400, 403, 404, 409, 413, 422, 500, 503, 507].map((status) => [
    status,
    exitCodeOf(new ServerProblem({ ...bare, status })),
  ]);

  assert.deepEqual(Object.fromEntries(codes), {
    400: 2,
    403: 5,
    404: 2,
    409: 15,
    413: 2,
    422: 2,
    500: 1,
    503: 4,
    507: 15,
  });
});

test('on this side: wrong usage is 2, no server 4, a bug 1', () => {
  assert.deepEqual(
    ['USAGE', 'E017', 'SERVER_UNREACHABLE', 'SOCKET_NOT_ALLOWED', 'SOCKET_IN_USE'].map(ownExit),
    [2, 2, 4, 5, 15],
  );
  assert.equal(exitCodeOf(new TypeError('x')), 1);
});

function ownExit(code: string): number {
  return exitCodeOf(new OperatingError(code, '', { retryable: false }));
}
