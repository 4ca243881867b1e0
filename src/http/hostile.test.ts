import assert from 'node:assert/strict';
import { connect } from 'node:net';
import { after, before, describe, test } from 'node:test';
import { testApi, type TestApi } from './api-fixture.ts';
import { socketPath } from './sockets.ts';

describe('whatever comes over the socket is answered by a problem', () => {
  let api: TestApi;
  before(async () => {
    api = await testApi();
  });
  after(async () => api.end());

  const cases: readonly (readonly [name: string, bytes: string, status: number, code: string])[] = [
    [
      'an unknown address',
      'GET /api/v1/nope HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n',
      404,
      'ROUTE_UNKNOWN',
    ],
    [
      'a method that an address does not take',
      'DELETE /api/v1/info?x=1 HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n',
      405,
      'METHOD_NOT_ALLOWED',
    ],
    [
      'also below a name',
      'PATCH /api/v1/services/shop/pause HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n',
      405,
      'METHOD_NOT_ALLOWED',
    ],
    [
      'an address that cannot be decoded',
      'GET /api/v1/services/shop%zz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n',
      400,
      'REQUEST_INVALID',
    ],
    [
      'a name that walks',
      'GET /api/v1/services/..%2f..%2fetc HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n',
      400,
      'REQUEST_INVALID',
    ],
    ['no HTTP at all', 'GARBAGE\r\n\r\n', 400, 'REQUEST_INVALID'],
    [
      'an actor with a control character',
      'POST /api/v1/services/shop/pause HTTP/1.1\r\nHost: x\r\nBascule-Actor: a\tb\r\nConnection: close\r\nContent-Length: 0\r\n\r\n',
      400,
      'REQUEST_INVALID',
    ],
  ];
  for (const [name, bytes, status, code] of cases) {
    test(`${name}: ${status} ${code}`, async () => {
      const text = await talk(socketPath(api.sockets, 'admin'), bytes);

      assert.match(text, new RegExp(`^HTTP/1.1 ${status} `));
      assert.match(text, /content-type: application\/problem\+json/i);
      assert.equal((JSON.parse(text.slice(text.indexOf('\r\n\r\n'))) as { code: string }).code, code);
      assert.deepEqual(api.fake.calls, []);
    });
  }
});

function talk(path: string, bytes: string): Promise<string> {
  return new Promise((resolve, reject) => {
    let text = '';
    const socket = connect(path, () => socket.write(bytes, 'latin1'));
    socket.setEncoding('utf8').on('data', (chunk: string) => {
      text += chunk;
    });
    socket.on('close', () => resolve(text));
    socket.on('error', reject);
  });
}
