import assert from 'node:assert/strict';
import { test } from 'node:test';
import { CLASS } from '../tally.ts';
import { lineParser } from './log-line.ts';

const parse = lineParser('shop', () => 2);

function read(rest: string) {
  return parse(`bascule1 1795461159345 ${rest}`);
}

test('one try: its second, replica, class, latency and identity', () => {
  assert.deepEqual(read('bascule.shop.blue blue1 200 -- 0 2500 -907 1795461159345118'), {
    second: 1_795_461_159,
    attempts: [{ slot: 'blue', replica: 1, classIndex: CLASS.ok, latencyMs: 2.5 }],
    identity: '-907',
    isPreview: false,
  });
});

const ENDINGS = [
  ['a client error', 'bascule.shop.blue blue0 404 -- 0 100 - 1', CLASS.clientError],
  ['a server error', 'bascule.shop.blue blue0 500 -- 0 100 - 1', CLASS.serverError],
  ['no connection', 'bascule.shop.blue blue0 503 SC 0 - - -', CLASS.connectFailure],
  ['no connection in time', 'bascule.shop.blue blue0 503 sC 0 - - -', CLASS.connectFailure],
  ['no answer in time', 'bascule.shop.blue blue0 504 sH 0 - - -', CLASS.timeout],
  ['an answer that broke off', 'bascule.shop.blue blue0 200 SD 0 100 - 1', CLASS.connectFailure],
  ['an answer that stood still', 'bascule.shop.blue blue0 200 sD 0 100 - 1', CLASS.timeout],
  ['something that is no HTTP', 'bascule.shop.blue blue0 502 PH 0 - - -', CLASS.connectFailure],
  ['a client that left', 'bascule.shop.blue blue0 200 CD 0 100 - 1', CLASS.clientAbort],
  ['a client that left before the head', 'bascule.shop.blue blue0 400 CH 0 - - -', CLASS.clientAbort],
  ['one that was cut', 'bascule.shop.blue blue0 502 KH 0 - - -', CLASS.timeout],
  ['nobody to ask', 'bascule.shop.blue <NOSRV> 503 SC 0 - - -', CLASS.connectFailure],
  [
    'a client that left before anybody was asked',
    'bascule.shop.blue <NOSRV> 400 CQ 0 - - -',
    CLASS.clientAbort,
  ],
  ['an event stream that its client closed', 'bascule.shop.blue.streams blue0 200 CD 0 100 - 1', CLASS.ok],
  ['a tunnel that the application closed', 'bascule.shop.blue.streams blue0 101 SD 0 100 - 1', CLASS.ok],
  ['an upgrade that failed', 'bascule.shop.blue.streams blue0 503 SC 0 - - -', CLASS.connectFailure],
] as const;

for (const [name, line, classIndex] of ENDINGS) {
  test(name, () =>
    assert.deepEqual(
      read(line)!.attempts.map((one) => one.classIndex),
      [classIndex],
    ),
  );
}

test('tries that failed count against their slot, the last one for what it was', () => {
  const [failed, ok] = [CLASS.connectFailure, CLASS.ok];
  assert.deepEqual(places('bascule.shop.blue blue1 200 -- 2 9 - 1'), [
    ['blue1', failed],
    ['blue1', failed],
    ['blue1', ok],
  ]);
  assert.deepEqual(places('bascule.shop.blue blue1 200 -- +1 9 - 1'), [
    ['blue0', failed],
    ['blue1', ok],
  ]);
  assert.deepEqual(places('bascule.shop.blue blue0 200 -- +1 9 - 1'), [
    ['blue1', failed],
    ['blue0', ok],
  ]);
  assert.deepEqual(places('bascule.shop.blue green0 200 -- 0 9 - 1'), [
    ['blue0', failed],
    ['green0', ok],
  ]);
});

test('a preview is told apart', () => {
  assert.equal(read('bascule.shop.green.preview green0 200 -- 0 9 - 1')!.isPreview, true);
});

test('what is not ours, of another service, or torn is nobody’s', () => {
  for (const line of [
    '',
    'Server bascule.shop.blue/blue0 is UP, reason: Layer7 check passed',
    'bascule1 1795461159345 bascule.other.blue blue0 200 -- 0 1 - 1',
    'bascule1 1795461159345 bascule.front.0.0.0.0_80 <NOSRV> 404 LR 0 - - -',
    'bascule1 x bascule.shop.blue blue0 200 -- 0 1 - 1',
    'bascule1 1795461159345 bascule.shop.blue blue0 200',
  ])
    assert.equal(parse(line), null, line);
  assert.notEqual(
    parse('bascule1 17954611bascule1 1795461159345 bascule.shop.blue blue0 200 -- 0 1 - 1'),
    null,
  );
});

function places(rest: string) {
  return read(rest)!.attempts.map(({ slot, replica, classIndex }) => [`${slot}${replica}`, classIndex]);
}
