import assert from 'node:assert/strict';
import { execFile, execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer, type Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { answering } from './conformance.ts';
import { askHttp, type HttpAsk } from './http-client.ts';
import { masked } from './masked.ts';

const NO_SIGNAL = new AbortController().signal;

function get(url: string, more: Partial<HttpAsk> = {}): HttpAsk {
  return {
    method: 'GET',
    url: new URL(url),
    headers: {},
    body: null,
    timeoutMs: 2000,
    caFile: null,
    ...more,
  };
}

describe('asking over TLS', () => {
  const directory = mkdtempSync(join(tmpdir(), 'bascule-metrics-'));
  const [key, certificate] = [join(directory, 'key.pem'), join(directory, 'cert.pem')];
  let port = 0;
  let server: Server;

  before(async () => {
    const made = `req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=metrics -keyout ${key} -out ${certificate} -addext`;
    execFileSync('openssl', [...made.split(' '), 'subjectAltName=DNS:localhost'], { stdio: 'ignore' });
    server = createServer({ key: readFileSync(key), cert: readFileSync(certificate) }, (_, response) =>
      response.end('{"well":true}'),
    );
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    port = (server.address() as AddressInfo).port;
  });
  after(() => {
    server.close();
    rmSync(directory, { recursive: true });
  });

  test('an authority of our own is trusted where its file is named', async () => {
    const found = await askHttp(get(`https://localhost:${port}`, { caFile: certificate }), NO_SIGNAL);

    assert.deepEqual(found, { kind: 'answer', status: 200, text: '{"well":true}' });
  });

  test('nobody else is: not without the file, not under another name', async () => {
    const unknown = await askHttp(get(`https://localhost:${port}`), NO_SIGNAL);
    const other = await askHttp(get(`https://127.0.0.1:${port}`, { caFile: certificate }), NO_SIGNAL);

    assert.match(JSON.stringify(unknown), /DEPTH_ZERO_SELF_SIGNED_CERT/u);
    assert.match(JSON.stringify(other), /ERR_TLS_CERT_ALTNAME_INVALID/u);
  });

  test('a file of authorities that is not there is said by its name', async () => {
    const found = await askHttp(get(`https://localhost:${port}`, { caFile: '/nowhere.pem' }), NO_SIGNAL);

    assert.deepEqual(found, { kind: 'failed', why: 'the CA file /nowhere.pem cannot be read (ENOENT)' });
  });
});

test('a redirect within the same place is followed, and not for ever', async () => {
  await using world = await answering({ status: 302, text: '', location: '/again' });

  const found = await askHttp(get(world.url), NO_SIGNAL);

  assert.match(JSON.stringify(found), /sends us on and on/u);
  assert.deepEqual(
    world.asked.map(({ url }) => url),
    ['/', '/again', '/again', '/again'],
  );
});

test('proxies that the environment names are not used', async () => {
  await using world = await answering({ status: 200, text: 'direct' });
  await using proxy = await answering({ status: 200, text: 'through the proxy' });
  const script = `import { askHttp } from './src/metrics/http-client.ts';
    const found = await askHttp({ method: 'GET', url: new URL('${world.url}'), headers: {}, body: null, timeoutMs: 2000, caFile: null }, new AbortController().signal);
    console.log(found.text);`;
  const { promise, resolve } = Promise.withResolvers<string>();

  execFile(
    process.execPath,
    ['--input-type=module', '-e', script],
    { env: { ...process.env, NODE_USE_ENV_PROXY: '1', HTTP_PROXY: proxy.url, http_proxy: proxy.url } },
    (error, stdout) => resolve(error === null ? stdout : error.message),
  );

  assert.equal(await promise, 'direct\n');
  assert.deepEqual(proxy.asked, []);
});

test('a secret is masked wherever it stands, and where it was cut short', () => {
  assert.equal(masked('bad token abcdef-ghijkl!', ['abcdef-ghijkl']), 'bad token ***!');
  assert.equal(masked('bad token abcdef-g…', ['abcdef-ghijkl']), 'bad token ***…');
  assert.equal(masked('q=a%2Fb%3D%3D', ['a/b==']), 'q=***');
});
