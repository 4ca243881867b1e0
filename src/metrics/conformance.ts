import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { describe, test } from 'node:test';
import { OperatingError } from '../lib/errors.ts';
import type { SecretRef } from '../release/source-connection.ts';
import type { Reveal } from './credentials.ts';
import { MOST_ANSWER_BYTES } from './http-client.ts';
import { maskedSource } from './masked.ts';
import type { MeasureQuery, MeasureWindow, MetricSource } from './source.ts';

/** What a source that is asked over HTTP must do, whatever it is; against recorded answers, each with where it is documented. */
export type Rig = {
  /** Opens the source on an address; every secret is revealed as SECRET. */
  readonly open: (url: string, reveal: Reveal) => MetricSource;
  readonly query: MeasureQuery;
  /** Folder of recorded answers. */
  readonly fixtures: URL;
  /** Recorded answers by file, and what they come to. */
  readonly values: readonly {
    readonly file: string;
    readonly value: number;
    readonly count: number | null;
  }[];
  readonly nothing: readonly string[];
  /** Files whose answer is NaN or infinite; empty with a reason where the protocol cannot say so. */
  readonly notNumbers: readonly string[] | { readonly cannot: string };
  /** Ways to say "error", each with words that must reach people. */
  readonly errors: readonly { readonly file: string; readonly says: RegExp }[];
  /** Asserts over what the source was sent for `query` and WINDOW. */
  readonly asked: (request: Asked) => void;
  /** What JSON of something else is, where that is not a source that is down. */
  readonly strange?: 'no-data';
  /** What answers `check` with "all is well". */
  readonly well: string;
};

export type Asked = {
  readonly method: string;
  readonly url: string;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly body: string;
};

/** A recorded answer: where it is documented, and what was on the wire. */
type Recorded = {
  readonly source: string;
  readonly status: number;
  /** JSON, or text as it is. */
  readonly body: unknown;
};

export const SECRET = 'secret-3f9c-do-not-show';
export const WINDOW: MeasureWindow = { fromMs: 1_798_761_600_000, toMs: 1_798_761_660_000 };
const NO_SIGNAL = new AbortController().signal;
const reveal: Reveal = () => Promise.resolve(SECRET);
const missing: Reveal = ({ from, name }) => {
  const says = `Secret ${from}:${name} is not there.`;
  return Promise.reject(new OperatingError('WORKLOAD_SECRET_MISSING', says, { retryable: false }));
};
const TIMEOUT_MS = 300;

/** For connections under test. */
export const PLACE = { name: 'under-test', caFile: null, timeoutMs: TIMEOUT_MS } as const;
export const REF: SecretRef = { from: 'file', name: 'token' };

export function metricSourceConformance(name: string, bare: Rig): void {
  // As it is opened in a server: nothing that a source says goes anywhere unmasked.
  const rig: Rig = { ...bare, open: (url, known) => maskedSource((shown) => bare.open(url, shown), known) };
  const sampled = (source: MetricSource) => source.sample(rig.query, WINDOW, NO_SIGNAL);

  describe(`metric source ${name}`, () => {
    for (const { file, value, count } of rig.values) {
      test(`${file} is the value ${value}`, async () => {
        await using world = await answering(recorded(rig, file));

        assert.deepEqual(await sampled(rig.open(world.url, reveal)), { kind: 'value', value, count });
      });
    }

    for (const file of rig.nothing) {
      test(`${file} is no data, and no zero`, async () => {
        await using world = await answering(recorded(rig, file));

        await assertNone(sampled(rig.open(world.url, reveal)), 'no-data');
      });
    }

    const { notNumbers } = rig;
    if ('cannot' in notNumbers) test('is never NaN', { skip: notNumbers.cannot }, () => undefined);
    else
      for (const file of notNumbers)
        test(`${file} is not a number, and neither data nor none`, async () => {
          await using world = await answering(recorded(rig, file));

          await assertNone(sampled(rig.open(world.url, reveal)), 'not-a-number');
        });

    for (const { file, says } of rig.errors) {
      test(`${file} is a source that is down, in its own words`, async () => {
        await using world = await answering(recorded(rig, file));

        assert.match(await assertNone(sampled(rig.open(world.url, reveal)), 'unreachable'), says);
      });
    }

    test('asks what its documentation says', async () => {
      await using world = await answering(recorded(rig, rig.values[0]!.file));

      await sampled(rig.open(world.url, reveal));

      assert.equal(world.asked.length, 1);
      rig.asked(world.asked[0]!);
    });

    test('a check tells a source that is well from one that refuses us', async () => {
      await using well = await answering(recorded(rig, rig.well));
      await using closed = await answering({ status: 403, text: '{}' });

      assert.equal(await rig.open(well.url, reveal).check(NO_SIGNAL), null);
      assert.match((await rig.open(closed.url, reveal).check(NO_SIGNAL)) ?? '', /403/u);
    });

    troubles(rig, sampled);
  });
}

/** What can happen to any conversation over HTTP. */
function troubles(rig: Rig, sampled: (source: MetricSource) => ReturnType<MetricSource['sample']>): void {
  const cases: readonly { readonly name: string; readonly reply: Reply; readonly says: RegExp }[] = [
    { name: 'refused credentials', reply: { status: 401, text: '{}' }, says: /401/u },
    {
      name: 'a page instead of an answer',
      reply: { status: 200, text: '<html>Sign in' },
      says: /no JSON.*<html>Sign in/u,
    },
    {
      name: 'an endless answer',
      reply: { status: 200, text: ' '.repeat(MOST_ANSWER_BYTES + 1) },
      says: /more than 1024 KiB/u,
    },
    {
      name: 'an answer that breaks off',
      reply: { status: 200, text: '{', cut: true },
      says: /broke off|cannot be asked/u,
    },
    { name: 'an overloaded server', reply: { status: 503, text: 'busy' }, says: /503/u },
    {
      name: 'a server that repeats the token',
      reply: { status: 400, text: `{"error":"bad ${SECRET}"}` },
      says: /400/u,
    },
    { name: 'silence', reply: { hangs: true }, says: /did not answer within 300ms/u },
  ];
  for (const { name, reply, says } of cases) {
    test(`${name}: down`, async () => {
      await using world = await answering(reply);

      assert.match(await assertNone(sampled(rig.open(world.url, reveal)), 'unreachable'), says);
    });
  }

  test('an answer without what it is about: no value', async () => {
    await using world = await answering({ status: 200, text: '{"weather":"fine"}' });

    await assertNone(sampled(rig.open(world.url, reveal)), rig.strange ?? 'unreachable');
  });

  test('nobody listens: down', async () => {
    const world = await answering({ hangs: true });
    await world[Symbol.asyncDispose]();

    assert.match(await assertNone(sampled(rig.open(world.url, reveal)), 'unreachable'), /ECONNREFUSED/u);
  });

  test('a redirect to another host is not followed: no token goes there', async () => {
    await using other = await answering(recorded(rig, rig.values[0]!.file));
    await using world = await answering({ status: 307, text: '', location: `${other.url}/elsewhere` });

    await assertNone(sampled(rig.open(world.url, reveal)), 'unreachable');
    assert.deepEqual(other.asked, []);
  });

  test('a secret that is not there: down, by its name', async () => {
    await using world = await answering(recorded(rig, rig.values[0]!.file));
    const source = rig.open(world.url, missing);

    const says = await assertNone(sampled(source), 'unreachable');

    assert.match(says, /Secret file:/u);
    assert.deepEqual(world.asked, []);
  });

  test('a secret with a line break in it: down, and not shown', async () => {
    await using world = await answering(recorded(rig, rig.values[0]!.file));
    const broken: Reveal = () => Promise.resolve(`${SECRET}\nx`);

    const found = await rig.open(world.url, broken).sample(rig.query, WINDOW, NO_SIGNAL);

    assert.doesNotMatch(JSON.stringify(found), new RegExp(SECRET, 'u'));
  });

  test('one that nobody waits for any more resolves', async () => {
    await using world = await answering({ hangs: true });
    const stop = new AbortController();
    const found = rig.open(world.url, reveal).sample(rig.query, WINDOW, stop.signal);

    stop.abort();

    await assertNone(found, 'unreachable');
  });
}

async function assertNone(
  found: ReturnType<MetricSource['sample']>,
  why: 'no-data' | 'not-a-number' | 'unreachable',
): Promise<string> {
  const sample = await found;
  assert.equal(sample.kind, 'none', `a value came of it: ${JSON.stringify(sample)}`);
  assert.equal(sample.why, why, sample.says);
  assert.ok(sample.says.length > 0 && sample.says.length <= 300, sample.says);
  assert.doesNotMatch(sample.says, new RegExp(SECRET, 'u'));
  return sample.says;
}

function recorded(rig: Pick<Rig, 'fixtures'>, file: string): Reply {
  const { source, status, body } = JSON.parse(readFileSync(new URL(file, rig.fixtures), 'utf8')) as Recorded;
  assert.match(source, /^https:\/\//u, `${file} does not say where its form is documented`);
  return { status, text: typeof body === 'string' ? body : JSON.stringify(body) };
}

export type Reply =
  | { readonly hangs: true }
  | { readonly status: number; readonly text: string; readonly location?: string; readonly cut?: true };

type World = AsyncDisposable & { readonly url: string; readonly asked: readonly Asked[] };

/** A server on loopback that answers everything with the same reply. */
export async function answering(reply: Reply): Promise<World> {
  const asked: Asked[] = [];
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const { method = '', url = '', headers } = request;
      asked.push({ method, url, headers, body: Buffer.concat(chunks).toString('utf8') });
      if ('hangs' in reply) return;
      const length = Buffer.byteLength(reply.text) + (reply.cut === true ? 100 : 0);
      const moved = reply.location === undefined ? {} : { location: reply.location };
      response.writeHead(reply.status, {
        'content-type': 'application/json',
        'content-length': length,
        ...moved,
      });
      if (reply.cut !== true) return void response.end(reply.text);
      response.write(reply.text);
      setTimeout(() => response.destroy(), 20);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return { url: `http://127.0.0.1:${port}`, asked, [Symbol.asyncDispose]: () => closed(server) };
}

function closed(server: Server): Promise<void> {
  server.closeAllConnections();
  return new Promise((resolve) => server.close(() => resolve()));
}
