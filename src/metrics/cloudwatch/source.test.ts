/**
 * Recorded answers after docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_GetMetricData.html, API_MetricDataResult.html (`StatusCode`:
 * Complete, InternalError, PartialData, Forbidden; as many timestamps as values) and CommonErrors.html. Over JSON an error's `__type`
 * begins with com.amazonaws.cloudwatch.v2010_08_01#, one of the signature with com.amazon.coral.service#.
 */
import assert from 'node:assert/strict';
import { metricSourceConformance, PLACE, REF, SECRET, WINDOW, type Rig } from '../conformance.ts';
import { test } from 'node:test';
import type { MeasureQuery } from '../source.ts';
import { signedHeaders } from './signature.ts';
import { cloudwatchSource } from './source.ts';

const QUERY: MeasureQuery = {
  text: "SELECT SUM(Signups) FROM Shop WHERE Version = 'v43'",
  path: null,
  fold: 'sum',
  range: false,
  answer: 'number',
  of: { service: 'shop', slot: 'green', role: 'candidate', version: 'v43', release: null },
};

metricSourceConformance('cloudwatch', {
  open: (url, reveal) =>
    cloudwatchSource(
      {
        ...PLACE,
        kind: 'cloudwatch',
        url,
        region: 'eu-central-1',
        accessKeyId: { from: 'env', name: 'ID' },
        secretAccessKey: REF,
        sessionToken: REF,
      },
      (secret) => (secret.from === 'env' ? Promise.resolve('AKIDEXAMPLE') : reveal(secret)),
      () => WINDOW.toMs,
    ),
  query: QUERY,
  fixtures: new URL('./fixtures/', import.meta.url),
  values: [
    { file: 'series.json', value: 12, count: 1 },
    { file: 'outside.json', value: 7, count: 1 },
  ],
  nothing: ['empty.json', 'none.json'],
  notNumbers: { cannot: 'it leaves such points out, and says that its data is partial' },
  errors: [
    { file: 'grouped.json', says: /2 series.*GROUP BY/u },
    { file: 'partial.json', says: /PartialData: One or more data-points/u },
    { file: 'invalid.json', says: /400: ValidationError: Error in expression/u },
    { file: 'bad-signature.json', says: /403 .*InvalidSignatureException/u },
    { file: 'throttled.json', says: /ThrottlingException: Rate exceeded/u },
  ],
  asked: ({ method, url, headers, body }) => {
    assert.equal(`${method} ${url}`, 'POST /');
    assert.equal(headers['x-amz-target'], 'GraniteServiceVersion20100801.GetMetricData');
    assert.equal(headers['x-amz-security-token'], SECRET);
    assert.match(
      String(headers['authorization']),
      /^AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE\/\d{8}\/eu-central-1\/monitoring\/aws4_request, SignedHeaders=content-type;host;x-amz-date;x-amz-security-token;x-amz-target, Signature=[0-9a-f]{64}$/u,
    );
    assert.deepEqual(JSON.parse(body), {
      StartTime: WINDOW.fromMs / 1000,
      EndTime: WINDOW.toMs / 1000,
      ScanBy: 'TimestampAscending',
      MetricDataQueries: [{ Id: 'measure', Expression: QUERY.text, Period: 60 }],
    });
  },
  well: 'series.json',
} satisfies Rig);

test('signatures are those of the test suite that AWS publishes for them', () => {
  const request = {
    host: 'example.amazonaws.com',
    region: 'us-east-1',
    service: 'service',
    accessKeyId: 'AKIDEXAMPLE',
    secretAccessKey: 'wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY',
    nowMs: Date.UTC(2015, 7, 30, 12, 36),
  };
  const form = { 'content-type': 'application/x-www-form-urlencoded' };

  // post-vanilla and post-x-www-form-urlencoded of docs.aws.amazon.com/general/latest/gr/signature-v4-test-suite.html
  assert.match(
    signedHeaders({ ...request, body: '', headers: {} })['authorization']!,
    /SignedHeaders=host;x-amz-date, Signature=5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b$/u,
  );
  assert.match(
    signedHeaders({ ...request, body: 'Param1=value1', headers: form })['authorization']!,
    /Signature=ff11897932ad3f4e8b18135d722051e5ac45fc38421b1da7b9d196a0fe09473a$/u,
  );
});
