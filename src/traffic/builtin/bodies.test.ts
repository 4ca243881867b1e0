import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { type IncomingMessage, type RequestOptions, request as requestPlain } from 'node:http';
import { request as requestSecure } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { after, before, describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Stage, openStage } from '../conformance.ts';
import { type BuiltinBench, openBuiltin } from './conformance.ts';
import { openSession } from './http2-fixture.ts';
import { makeCertificate } from './tls-fixture.ts';

/** More than what the system takes of a body whose reader waits. */
const BODY_BYTES = 8_000_000;
const AT_ONCE = 12;
const WAIT_MS = 200;

/** The applications are in this process too, which has its hands full of bodies. */
const HEALTH = { path: '/healthz', intervalMs: 100, timeoutMs: 10_000, rise: 1, fall: 10 };
const PATIENT = { blue: HEALTH, green: HEALTH };

/** One byte all along, another one for each: a byte of somebody else's is seen at once. */
function bodyOf(name: number): Buffer {
  return Buffer.alloc(BODY_BYTES, 33 + name);
}

/** Every third leaves in the middle, every other one waits before it reads. */
async function take(name: number, body: Readable): Promise<string> {
  const expected = Buffer.alloc(1_048_576, 33 + name);
  let bytes = 0;
  if (name % 2 === 0) await sleep(WAIT_MS);
  for await (const chunk of body as AsyncIterable<Buffer>) {
    if (!chunk.equals(expected.subarray(0, chunk.length)))
      return `${name}: of ${bytes} to ${bytes + chunk.length} some are another one's`;
    bytes += chunk.length;
    if (name % 3 === 0 && bytes > BODY_BYTES / 3) return 'left';
  }
  return bytes === BODY_BYTES ? 'whole' : `${name}: ${bytes} bytes`;
}

async function everyOne(ask: (name: number) => Promise<Readable>): Promise<void> {
  const names = Array.from({ length: AT_ONCE }, (_, i) => i);
  const found = await Promise.all(
    names.map(async (name) => {
      const body = await ask(name);
      return take(name, body).finally(() => body.on('error', () => undefined).destroy());
    }),
  );
  assert.deepEqual(
    found,
    names.map((name) => (name % 3 === 0 ? 'left' : 'whole')),
  );
}

async function over(send: typeof requestPlain, options: RequestOptions): Promise<IncomingMessage> {
  const sent = send({ host: '127.0.0.1', path: '/body', agent: false, ...options });
  sent.on('error', () => undefined).end();
  const [answer] = (await once(sent, 'response')) as [IncomingMessage];
  return answer;
}

describe('bodies through the built-in proxy', () => {
  let bench: BuiltinBench;
  let folder: string;
  let plain: Stage;
  let secure: Stage;

  before(async () => {
    bench = await openBuiltin(1);
    folder = mkdtempSync(join(tmpdir(), 'bascule-bodies-'));
    const files = makeCertificate(folder, 'shop', ['127.0.0.1']);
    plain = await openStage(bench.router, { health: PATIENT });
    secure = await openStage(bench.router, { health: PATIENT }, undefined, { kind: 'builtin', tls: [files] });
    for (const stage of [plain, secure]) {
      await stage.route({ serve: 'blue' });
      for (const application of stage.applications.blue)
        application.on.set('/body', (req, res) => {
          const name = Number(req.headers['x-name']);
          res.on('error', () => undefined);
          if (name % 4 === 0) res.setHeader('Content-Length', BODY_BYTES);
          res.end(bodyOf(name));
        });
    }
  });
  after(async () => {
    await Promise.all([plain.close(), secure.close()]);
    await bench.close();
    rmSync(folder, { recursive: true });
  });

  test('each client gets its own bytes, in order, while others wait or leave', async () => {
    await everyOne((name) => over(requestPlain, { port: plain.port, headers: { 'x-name': name } }));
  });

  test('… over TLS', async () => {
    const options = { port: secure.port, rejectUnauthorized: false };
    await everyOne((name) => over(requestSecure, { ...options, headers: { 'x-name': name } }));
  });

  test('… as streams of one connection of HTTP/2', async (t) => {
    const session = await openSession(secure.port);
    t.after(() => session.destroy());
    await everyOne(async (name) => session.request({ ':path': '/body', 'x-name': String(name) }));
  });
});
