import assert from 'node:assert/strict';
import { test } from 'node:test';
import { onAddress } from '../../lib/upstream.ts';
import { lineParser, logFormat } from './log-line.ts';

const at = (port: number) => onAddress({ host: '127.0.0.1', port });
const parse = lineParser({ blue: [at(1), at(2)], green: [at(3), at(4)] });

/** As nginx 1.22 wrote them, in the order of `logFormat`. */
function line(change: Readonly<Record<string, string>>): string {
  const values: Record<string, string> = {
    time_iso8601: '2023-11-14T22:13:20+00:00',
    bascule_slot: 'blue',
    status: '200',
    request_completion: 'OK',
    upstream_addr: '127.0.0.1:1',
    upstream_status: '200',
    upstream_header_time: '0.004',
    upstream_response_length: '2',
    upstream_http_content_length: '2',
    bascule_preview: '-',
    identity: 'ann',
    ...change,
  };
  return logFormat('$identity').replaceAll(/\$(\w+)/g, (_, name: string) => values[name]!);
}

function classes(change: Readonly<Record<string, string>>): unknown[] {
  return parse(line(change))!.attempts.map(({ slot, replica, classIndex, latencyMs }) => [
    slot,
    replica,
    ['ok', '4xx', '5xx', 'connect', 'timeout', 'abort'][classIndex],
    latencyMs,
  ]);
}

const cases: readonly (readonly [string, Readonly<Record<string, string>>, readonly unknown[]])[] = [
  ['a whole answer', {}, [['blue', 0, 'ok', 4]]],
  ['not found', { upstream_status: '404', status: '404' }, [['blue', 0, '4xx', 4]]],
  ['an error of the application', { upstream_status: '504', status: '504' }, [['blue', 0, '5xx', 4]]],
  [
    'nobody listens',
    { upstream_status: '502', status: '502', upstream_header_time: '-' },
    [['blue', 0, 'connect', null]],
  ],
  [
    'no answer in time',
    { upstream_status: '504', status: '504', upstream_header_time: '-' },
    [['blue', 0, 'timeout', null]],
  ],
  [
    'the client left before there was an answer',
    { upstream_status: '-', status: '499', request_completion: '', upstream_header_time: '-' },
    [['blue', 0, 'abort', null]],
  ],
  ['the client left in the middle', { request_completion: '' }, [['blue', 0, 'abort', 4]]],
  [
    'cut short by the application',
    { upstream_response_length: '100', upstream_http_content_length: '1000' },
    [['blue', 0, 'connect', 4]],
  ],
  [
    'the answer to HEAD',
    { upstream_response_length: '0', upstream_http_content_length: '1000' },
    [['blue', 0, 'ok', 4]],
  ],
  [
    'another replica after a refusal',
    {
      upstream_addr: '127.0.0.1:2, 127.0.0.1:1',
      upstream_status: '502, 200',
      upstream_header_time: '-, 0.001',
      upstream_response_length: '0, 2',
    },
    [
      ['blue', 1, 'connect', null],
      ['blue', 0, 'ok', 1],
    ],
  ],
  [
    'the other slot, when nobody here listened',
    {
      upstream_addr: '127.0.0.1:1, 127.0.0.1:2 : 127.0.0.1:3',
      upstream_status: '502, 502 : 200',
      upstream_header_time: '-, - : 0.001',
      upstream_response_length: '0, 0 : 2',
    },
    [
      ['blue', 0, 'connect', null],
      ['blue', 1, 'connect', null],
      ['green', 0, 'ok', 1],
    ],
  ],
  [
    'the other slot, because nobody here is well',
    { bascule_slot: 'blue-green', upstream_addr: '127.0.0.1:4' },
    [
      ['blue', 0, 'connect', null],
      ['green', 1, 'ok', 4],
    ],
  ],
  [
    'all replicas had just failed',
    {
      upstream_addr: 'bascule_shop_blue',
      upstream_status: '502',
      status: '502',
      upstream_header_time: '-',
      upstream_response_length: '-',
    },
    [['blue', 0, 'connect', null]],
  ],
  ['no route', { bascule_slot: '-', upstream_addr: '-', status: '503' }, []],
];

for (const [name, change, expected] of cases)
  test(name, () => {
    assert.deepEqual(classes(change), expected);
  });

test('a line behind a torn one is read, a torn one is not', () => {
  const whole = line({});

  assert.deepEqual(parse(whole.slice(0, 40) + whole), parse(whole));
  assert.equal(parse(whole.slice(0, 40)), null);
  assert.equal(parse('127.0.0.1 - - [23/Nov/2026] "GET / HTTP/1.1" 200'), null);
});

test('a request of which a copy was sent is told, and where it waited that is no try', () => {
  assert.equal(parse(line({}))!.copiedWithinMs, undefined);
  assert.equal(parse(line({ bascule_preview: 'c' }))!.copiedWithinMs, 5000);
  assert.equal(parse(line({ bascule_preview: 'c' }))!.by, undefined);
  const waited = {
    bascule_preview: 'hc',
    upstream_addr: '127.0.0.1:1 : 127.0.0.1:8201',
    upstream_status: '200 : 200',
    upstream_header_time: '0.100 : 0.004',
    upstream_response_length: '0 : 12',
  };
  assert.equal(parse(line(waited))!.attempts.length, 1);
  assert.equal(parse(line(waited))!.copiedWithinMs, 5000);
});

test('who chose the slot by an override is told apart', () => {
  assert.equal(parse(line({ bascule_preview: 'o' }))!.by, 'override');
  assert.equal(parse(line({ bascule_preview: 'p' }))!.by, undefined);
});
