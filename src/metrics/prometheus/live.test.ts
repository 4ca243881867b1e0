/** Against the real program: what it answers is what the recorded answers say, and TLS and passwords are as they are documented. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { noPrometheus, startPrometheus, type Prometheus } from '../../../test/e2e/prometheus.ts';
import type { SourceConnection } from '../../release/source-connection.ts';
import type { MeasureQuery, MeasureSample, MetricSource } from '../source.ts';
import { prometheusSource } from './source.ts';

type Connection = Extract<SourceConnection, { kind: 'prometheus' | 'graphite' | 'json' }>;

/** bcrypt of "test", as prometheus.io/docs/guides/basic-auth has it. */
const HASH = '$2b$12$hNf2lSsxfm0.i4a.1kVpSOVyBCfIB51VRjgBUyv6kdnyTlgWj81Ay';
const SIGNAL = new AbortController().signal;

describe('a real Prometheus', { skip: noPrometheus }, () => {
  let directory = '';
  let prometheus: Prometheus;
  let ca = '';

  before(async () => {
    directory = await mkdtemp(join(tmpdir(), 'bascule-prometheus-'));
    const key = join(directory, 'key.pem');
    ca = join(directory, 'cert.pem');
    const made = `req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=prometheus -keyout ${key} -out ${ca} -addext`;
    execFileSync('openssl', [...made.split(' '), 'subjectAltName=IP:127.0.0.1'], { stdio: 'ignore' });
    const web = `tls_server_config: {cert_file: ${ca}, key_file: ${key}}\nbasic_auth_users: {bascule: '${HASH}'}\n`;
    prometheus = await startPrometheus(directory, { ports: [], web });
  });
  after(async () => {
    await prometheus.stop();
    await rm(directory, { recursive: true });
  });

  function source(more: Partial<Connection> = {}, password = 'test'): MetricSource {
    return prometheusSource(
      {
        name: 'prometheus',
        kind: 'prometheus',
        url: prometheus.url.replace('http:', 'https:'),
        caFile: ca,
        timeoutMs: 5000,
        auth: { kind: 'basic', user: 'bascule', password: { from: 'file', name: 'p' } },
        ...more,
      },
      () => Promise.resolve(password),
    );
  }

  function ask(text: string, more: Partial<MeasureQuery> = {}, at = source()): Promise<MeasureSample> {
    const query: MeasureQuery = {
      text,
      path: null,
      fold: 'mean',
      range: false,
      answer: 'number',
      of: { service: 'shop', slot: 'green', role: 'candidate', version: 'v43', release: null },
      ...more,
    };
    const toMs = Math.floor(Date.now() / 1000) * 1000;
    return at.sample(query, { fromMs: toMs - 10_000, toMs }, SIGNAL);
  }

  test('vectors, scalars and ranges are values', async () => {
    assert.deepEqual(await ask('vector(12.5)'), { kind: 'value', value: 12.5, count: null });
    assert.deepEqual(await ask('3'), { kind: 'value', value: 3, count: null });
    assert.deepEqual(await ask('vector(2)', { range: true }), { kind: 'value', value: 2, count: 10 });
    assert.deepEqual(await ask('vector(2)', { range: true, fold: 'sum' }), {
      kind: 'value',
      value: 20,
      count: 10,
    });
  });

  test('nothing, NaN, infinities and mistakes are what they are', async () => {
    const expected = [
      ['sum(increase(nobody_counts_this[1m]))', 'no-data'],
      ['vector(0) / 0', 'not-a-number'],
      ['vector(1) / 0', 'not-a-number'],
    ] as const;
    for (const [text, why] of expected) {
      const found = await ask(text);
      assert.equal(found.kind === 'none' ? found.why : found.kind, why, text);
    }
    const mistake = await ask('sum(');
    assert.match(JSON.stringify(mistake), /bad_data.*parse error/u);
    assert.match(JSON.stringify(await ask('"text"')), /gives a string/u);
  });

  test('it is well with its authority and password, and with neither missing', async () => {
    assert.equal(await source().check(SIGNAL), null);
    assert.match((await source({}, 'wrong').check(SIGNAL)) ?? '', /401|no JSON/u);
    assert.match((await source({ caFile: null }).check(SIGNAL)) ?? '', /SELF_SIGNED/u);
    assert.match((await source({ auth: { kind: 'none' } }).check(SIGNAL)) ?? '', /401|no JSON/u);
  });
});
