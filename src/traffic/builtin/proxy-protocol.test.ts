import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { type Socket, connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { connect as connectTls } from 'node:tls';
import { connect as connectHttp2 } from 'node:http2';
import type { BuiltinProxy, TlsFiles } from '../../release/service.ts';
import { type Stage, openStage, send } from '../conformance.ts';
import { type BuiltinBench, openBuiltin } from './conformance.ts';
import { ask } from './http2-fixture.ts';
import { makeCertificate } from './tls-fixture.ts';

const LINE = 'PROXY TCP4 192.0.2.7 198.51.100.1 12345 443\r\n';
const BINARY = Buffer.concat([
  Buffer.from('\r\n\r\n\0\r\nQUIT\n', 'latin1'),
  Buffer.from([0x21, 0x11, 0, 12, 192, 0, 2, 8, 198, 51, 100, 1, 0x30, 0x39, 1, 187]),
]);
const REQUEST = 'GET /reflect HTTP/1.1\r\nHost: a.test\r\nConnection: close\r\n\r\n';

async function said(socket: Socket): Promise<string> {
  let text = '';
  socket.setEncoding('latin1').on('data', (chunk: string) => (text += chunk));
  socket.on('error', () => {});
  await once(socket, 'close');
  return text;
}

describe('the PROXY protocol', () => {
  let bench: BuiltinBench;
  let folder: string;
  let files: TlsFiles;
  let plain: Stage;
  let secure: Stage;

  before(async () => {
    bench = await openBuiltin(1);
    folder = mkdtempSync(join(tmpdir(), 'bascule-behind-'));
    files = makeCertificate(folder, 'shop', ['127.0.0.1']);
    plain = await opened({ kind: 'builtin', proxies: ['127.0.0.0/8'] });
    secure = await opened({ kind: 'builtin', proxies: ['127.0.0.0/8'], tls: [files] });
  });
  after(async () => {
    await Promise.all([plain.close(), secure.close()]);
    await bench.close();
    rmSync(folder, { recursive: true });
  });

  async function opened(proxy: BuiltinProxy): Promise<Stage> {
    const stage = await openStage(bench.router, {}, undefined, proxy);
    await stage.route({ serve: 'blue' });
    for (const application of stage.applications.blue)
      application.on.set('/reflect', (req, res) => res.end(`for ${String(req.headers['x-forwarded-for'])}`));
    return stage;
  }

  function behind(protocol: string): Socket {
    const raw = connect(secure.port, '127.0.0.1');
    raw.write(LINE);
    return connectTls({ socket: raw, rejectUnauthorized: false, ALPNProtocols: [protocol] });
  }

  function asks(...parts: readonly (string | Buffer)[]): Promise<string> {
    const socket = connect(plain.port, '127.0.0.1');
    for (const part of parts) socket.write(part);
    return said(socket);
  }

  test('the client is whom the header names, in either version', async () => {
    assert.match(await asks(LINE, REQUEST), /for 192\.0\.2\.7$/m);
    assert.match(await asks(Buffer.concat([BINARY, Buffer.from(REQUEST)])), /for 192\.0\.2\.8$/m);
    assert.match(await asks(`PROXY UNKNOWN\r\n${REQUEST}`), /for 127\.0\.0\.1$/m);
  });

  test('a header that comes byte by byte, and a body behind it, arrive whole', async () => {
    const socket = connect({ port: plain.port, host: '127.0.0.1', noDelay: true });
    const answer = said(socket);
    for (const byte of LINE) {
      socket.write(byte);
      await new Promise((resolve) => setTimeout(resolve, 1));
    }
    socket.write(REQUEST);

    assert.match(await answer, /for 192\.0\.2\.7$/m);
  });

  test('who is named and sends none, or a malformed one, is not served', async () => {
    assert.equal(await asks(REQUEST), '');
    assert.equal(await asks(`PROXY TCP4 1.2.3.4\r\n${REQUEST}`), '');
  });

  test('nobody else can name a client', async () => {
    const other = await opened({ kind: 'builtin', proxies: ['192.0.2.0/24'] });
    const answer = await send({ port: other.port, path: '/reflect' });
    assert.equal(answer.body, 'for 127.0.0.1');
    const socket = connect(other.port, '127.0.0.1');
    socket.write(LINE + REQUEST);

    assert.match(await said(socket), /^HTTP\/1\.1 400 /);
    await other.close();
  });

  test('before TLS, for HTTP/1.1 and HTTP/2', async () => {
    const one = behind('http/1.1');
    one.write(REQUEST);
    assert.match(await said(one), /for 192\.0\.2\.7$/m);

    const session = connectHttp2('https://127.0.0.1', { createConnection: () => behind('h2') });
    assert.equal((await ask(session, { ':path': '/reflect' })).body, 'for 192.0.2.7');
    session.destroy();
  });

  test('services of one port have the same', async () => {
    const { door } = plain;
    const proxy = { kind: 'builtin' as const, proxies: ['10.0.0.0/8'] };

    await assert.rejects(
      bench.router.install({ ...door, service: 'other', spec: { ...door.spec, host: 'other.test', proxy } }),
      { code: 'TRAFFIC_DOOR_UNFIT', message: /same proxy-protocol/ },
    );
  });
});
