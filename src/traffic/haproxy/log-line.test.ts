import assert from 'node:assert/strict';
import { test } from 'node:test';
import { CLASS } from '../tally.ts';
import { lineParser } from './log-line.ts';

const seen: string[] = [];
const parse = lineParser(
  'shop',
  () => 2,
  (worker, backend) => seen.push(`${worker} ${backend}`),
);

function read(rest: string) {
  return parse(`bascule2 1795461159345 ${rest}`);
}

test('one try: its second, replica, class, latency and identity', () => {
  assert.deepEqual(read('bascule.shop.blue blue1 200 -- 0 2500 -907 77'), {
    second: 1_795_461_159,
    attempts: [{ slot: 'blue', replica: 1, classIndex: CLASS.ok, latencyMs: 2.5 }],
    identity: '-907',
    isPreview: false,
  });
});

const ENDINGS = [
  ['a client error', 'bascule.shop.blue blue0 404 -- 0 100 - 77', CLASS.clientError],
  ['a server error', 'bascule.shop.blue blue0 500 -- 0 100 - 77', CLASS.serverError],
  ['no connection', 'bascule.shop.blue blue0 503 SC 0 - - 77', CLASS.connectFailure],
  ['no connection in time', 'bascule.shop.blue blue0 503 sC 0 - - 77', CLASS.connectFailure],
  ['no answer in time', 'bascule.shop.blue blue0 504 sH 0 - - 77', CLASS.timeout],
  ['an answer that broke off', 'bascule.shop.blue blue0 200 SD 0 100 - 77', CLASS.connectFailure],
  ['an answer that stood still', 'bascule.shop.blue blue0 200 sD 0 100 - 77', CLASS.timeout],
  ['something that is no HTTP', 'bascule.shop.blue blue0 502 PH 0 - - 77', CLASS.connectFailure],
  ['a client that left', 'bascule.shop.blue blue0 200 CD 0 100 - 77', CLASS.clientAbort],
  ['a client that left before the head', 'bascule.shop.blue blue0 400 CH 0 - - 77', CLASS.clientAbort],
  ['one that was cut', 'bascule.shop.blue blue0 502 KH 0 - - 77', CLASS.timeout],
  ['nobody to ask', 'bascule.shop.blue <NOSRV> 503 SC 0 - - 77', CLASS.connectFailure],
  [
    'a client that left before anybody was asked',
    'bascule.shop.blue <NOSRV> 400 CQ 0 - - 77',
    CLASS.clientAbort,
  ],
  ['an event stream that its client closed', 'bascule.shop.blue.streams blue0 200 CD 0 100 - 77', CLASS.ok],
  ['a tunnel that the application closed', 'bascule.shop.blue.streams blue0 101 SD 0 100 - 77', CLASS.ok],
  ['an upgrade that failed', 'bascule.shop.blue.streams blue0 503 SC 0 - - 77', CLASS.connectFailure],
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
  assert.deepEqual(places('bascule.shop.blue blue1 200 -- 2 9 - 77'), [
    ['blue1', failed],
    ['blue1', failed],
    ['blue1', ok],
  ]);
  assert.deepEqual(places('bascule.shop.blue blue1 200 -- +1 9 - 77'), [
    ['blue0', failed],
    ['blue1', ok],
  ]);
  assert.deepEqual(places('bascule.shop.blue blue0 200 -- +1 9 - 77'), [
    ['blue1', failed],
    ['blue0', ok],
  ]);
  assert.deepEqual(places('bascule.shop.blue green0 200 -- 0 9 - 77'), [
    ['blue0', failed],
    ['green0', ok],
  ]);
});

test('which worker wrote a line is told, of those that came to a slot', () => {
  seen.length = 0;
  read('bascule.shop.blue.streams blue1 200 -- 0 9 - 77');
  read('bascule.shop.hold wait 200 -- 0 9 - 77');
  read('bascule.other.blue blue1 200 -- 0 9 - 77');
  assert.deepEqual(seen, ['77 bascule.shop.blue.streams']);
});

test('a preview is told apart', () => {
  assert.equal(read('bascule.shop.green.preview green0 200 -- 0 9 - 77')!.isPreview, true);
});

test('an override is told apart, and so is who was asked before people were', () => {
  assert.equal(read('bascule.shop.green.override green0 200 -- 0 9 - 77')!.by, 'override');
  assert.equal(read('bascule.shop.blue blue0 200 -- 0 9 - 77')!.isUnasked, true);
  const { identity, isUnasked } = read('bascule.shop.blue blue0 200 -- 0 9 0 77')!;
  assert.deepEqual([identity, isUnasked], [null, undefined]);
});

test('who waited is counted where it went, who was turned away as that, who left nowhere', () => {
  assert.deepEqual(
    [wait('wait 200 -- 0 100 - 77').attempts, wait('wait 503 -- 0 100 - 77').instead],
    [[], undefined],
  );
  assert.equal(wait('wait 503 -- 0 - - 77').instead, 'holdRefused');
  assert.equal(wait('wait -1 CH 0 - - 77').instead, undefined);
});

test('what is not ours, of another service, or torn is nobody’s', () => {
  for (const line of [
    '',
    'Server bascule.shop.blue/blue0 is UP, reason: Layer7 check passed',
    'bascule2 1795461159345 bascule.other.blue blue0 200 -- 0 1 - 77',
    'bascule2 1795461159345 bascule.front.0.0.0.0_80 <NOSRV> 404 LR 0 - - 77',
    'bascule2 x bascule.shop.blue blue0 200 -- 0 1 - 77',
    'bascule2 1795461159345 bascule.shop.blue blue0 200',
  ])
    assert.equal(parse(line), null, line);
  assert.notEqual(
    parse('bascule2 17954611bascule2 1795461159345 bascule.shop.blue blue0 200 -- 0 1 - 77'),
    null,
  );
});

function places(rest: string) {
  return read(rest)!.attempts.map(({ slot, replica, classIndex }) => [`${slot}${replica}`, classIndex]);
}

function wait(rest: string) {
  return read(`bascule.shop.hold ${rest}`)!;
}
