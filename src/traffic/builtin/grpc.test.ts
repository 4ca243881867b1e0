import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import {
  Client,
  Metadata,
  Server,
  ServerCredentials,
  type ServerDuplexStream,
  type ServerUnaryCall,
  type ServiceError,
  type sendUnaryData,
  credentials,
  status,
} from '@grpc/grpc-js';
import { onAddress } from '../../lib/upstream.ts';
import { freePort, sum, waitFor } from '../conformance.ts';
import type { TrafficBatch } from '../counts.ts';
import { type BuiltinBench, openBuiltin } from './conformance.ts';
import { makeCertificate } from './tls-fixture.ts';

const plain = (value: Buffer): Buffer => value;
const method = (path: string, isStream = false) => ({
  path,
  requestStream: isStream,
  responseStream: isStream,
  requestSerialize: plain,
  requestDeserialize: plain,
  responseSerialize: plain,
  responseDeserialize: plain,
});
const SHOP = {
  say: method('/shop.Shop/Say'),
  chat: method('/shop.Shop/Chat', true),
};
const HEALTH = { check: method('/grpc.health.v1.Health/Check') };
const SERVING = Buffer.from([0x08, 0x01]);
const NOT_SERVING = Buffer.from([0x08, 0x02]);

/** The library that most people use, on both sides of the proxy. */
describe('gRPC through the proxy', () => {
  let bench: BuiltinBench;
  let folder: string;
  let client: Client;
  let isServing = true;
  const server = new Server();

  before(async () => {
    bench = await openBuiltin(1);
    folder = mkdtempSync(join(tmpdir(), 'bascule-grpc-'));
    const tls = makeCertificate(folder, 'grpc', ['localhost', '127.0.0.1']);
    server.addService(SHOP, {
      say: (call: ServerUnaryCall<Buffer, Buffer>, done: sendUnaryData<Buffer>) => {
        const text = call.request.toString();
        const code = Number(/^fail (\d+)$/.exec(text)?.[1] ?? 0);
        const trailer = new Metadata();
        trailer.set('x-seen', String(call.metadata.get('x-asked')[0] ?? ''));
        if (code === 0) done(null, Buffer.from(`said ${text}`), trailer);
        else done({ code, details: 'as asked', metadata: trailer });
      },
      chat: (call: ServerDuplexStream<Buffer, Buffer>) => {
        call.on('data', (chunk: Buffer) => call.write(Buffer.concat([Buffer.from('re: '), chunk])));
        call.on('end', () => call.end());
      },
    });
    server.addService(HEALTH, {
      check: (_call: unknown, done: sendUnaryData<Buffer>) => done(null, isServing ? SERVING : NOT_SERVING),
    });
    const port = await new Promise<number>((resolve, reject) => {
      server.bindAsync('127.0.0.1:0', ServerCredentials.createInsecure(), (error, bound) =>
        error === null ? resolve(bound) : reject(error),
      );
    });
    const listen = { address: '127.0.0.1', port: await freePort() };
    const health = {
      path: '/grpc.health.v1.Health/Check',
      intervalMs: 100,
      timeoutMs: 400,
      rise: 2,
      fall: 2,
    };
    await bench.router.install({
      service: 'shop',
      spec: {
        listen,
        host: null,
        path: '/',
        proxy: { kind: 'builtin', tls: [tls], protocol: 'h2c' },
        drainMs: 2000,
        streamGraceMs: 1000,
        trustForwarded: false,
        maxBodyBytes: null,
      },
      health: { blue: health, green: health },
      sticky: { by: 'none' },
      salt: '00112233445566778899aabbccddeeff',
      slots: { blue: [onAddress({ host: '127.0.0.1', port })], green: [] },
      preview: null,
    });
    await bench.router.apply({
      service: 'shop',
      revision: 1,
      serve: 'blue',
      split: null,
      standIn: true,
      replicas: { blue: 1, green: 0 },
    });
    await health0(true);
    client = new Client(`localhost:${listen.port}`, credentials.createSsl(readFileSync(tls.certificate)));
  });
  after(async () => {
    client?.close();
    server.forceShutdown();
    await bench.close();
    rmSync(folder, { recursive: true });
  });

  function health0(wanted: boolean): Promise<unknown> {
    return waitFor(
      () => bench.router.observe('shop'),
      ({ slots }) => slots.blue.replicas[0]?.healthy === wanted,
    );
  }

  type Said = { readonly error: ServiceError | null; readonly text: string; readonly trailer: Metadata };

  function say(text: string): Promise<Said> {
    const { path, requestSerialize, responseDeserialize } = SHOP.say;
    const metadata = new Metadata();
    metadata.set('x-asked', 'yes');
    return new Promise((resolve) => {
      let trailer = new Metadata();
      let answer: readonly [ServiceError | null, string] | null = null;
      const call = client.makeUnaryRequest(
        path,
        requestSerialize,
        responseDeserialize,
        Buffer.from(text),
        metadata,
        (error, value) => {
          answer = [error, value?.toString() ?? ''];
        },
      );
      call.on('status', (seen) => {
        trailer = seen.metadata;
        setImmediate(() => resolve({ error: answer![0], text: answer![1], trailer }));
      });
    });
  }

  async function countedAfter(
    act: () => Promise<unknown>,
    is: (batch: TrafficBatch) => boolean,
  ): Promise<TrafficBatch> {
    const { upToSecond } = await bench.router.traffic('shop', null);
    const { cursor } = await waitFor(
      () => bench.router.traffic('shop', null),
      (batch) => batch.upToSecond > upToSecond + 1,
    );
    await act();
    return waitFor(() => bench.router.traffic('shop', cursor), is);
  }

  test('a call is answered, with its metadata both ways', async () => {
    const { error, text, trailer } = await say('hello');

    assert.equal(error, null);
    assert.equal(text, 'said hello');
    assert.deepEqual(trailer.get('x-seen'), ['yes']);
  });

  test('a status other than OK arrives as it is', async () => {
    const { error } = await say(`fail ${status.NOT_FOUND}`);

    assert.equal(error?.code, status.NOT_FOUND);
    assert.equal(error?.details, 'as asked');
  });

  test('messages of a stream go both ways as they come', async () => {
    const { path, requestSerialize, responseDeserialize } = SHOP.chat;
    const call = client.makeBidiStreamRequest(path, requestSerialize, responseDeserialize);
    const heard: string[] = [];
    for (const text of ['one', 'two']) {
      const next = new Promise<Buffer>((resolve) => call.once('data', resolve));
      call.write(Buffer.from(text));
      heard.push((await next).toString());
    }
    call.end();
    await new Promise((resolve) => call.resume().on('end', resolve));

    assert.deepEqual(heard, ['re: one', 're: two']);
  });

  test('a call counts by its own status: INTERNAL is an error of the server, NOT_FOUND one of the client', async () => {
    const batch = await countedAfter(
      () =>
        Promise.all(
          ['fine', `fail ${status.INTERNAL}`, `fail ${status.UNAVAILABLE}`, `fail ${status.NOT_FOUND}`].map(
            say,
          ),
        ),
      ({ replicas }) => sum(replicas, 'blue', ({ requests }) => requests) >= 4,
    );

    assert.equal(
      sum(batch.replicas, 'blue', ({ classes }) => classes.ok),
      1,
    );
    assert.equal(
      sum(batch.replicas, 'blue', ({ classes }) => classes.serverError),
      2,
    );
    assert.equal(
      sum(batch.replicas, 'blue', ({ classes }) => classes.clientError),
      1,
    );
    assert.deepEqual(batch.failed?.map((each) => each.status).sort(), [500, 503]);
  });

  test('health is asked by the protocol of gRPC, and who is not serving gets nothing', async () => {
    isServing = false;
    await health0(false);
    assert.equal((await say('hello')).error?.code, status.UNAVAILABLE);
    const { slots } = await bench.router.observe('shop');
    assert.match(slots.blue.replicas[0]!.lastProbe!.body, /does not say SERVING/);

    isServing = true;
    await health0(true);
    assert.equal((await say('again')).text, 'said again');
  });
});
