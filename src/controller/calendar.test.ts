import assert from 'node:assert/strict';
import { test } from 'node:test';
import { localTime } from '../lib/local-time.ts';
import { Calendar, ruleFault, type FreezeRule } from './calendar.ts';

const HOUR_MS = 3_600_000;
const BERLIN = 'Europe/Berlin';
const WEEKEND: FreezeRule = {
  cron: '0 16 * * FRI',
  forMs: 64 * HOUR_MS,
  timeZone: BERLIN,
  services: ['shop'],
  alsoAdvancing: true,
  reason: 'weekend',
  place: 'server.yaml line 3',
};

function at(iso: string): number {
  return Date.parse(iso);
}

/** Begin and end of the freeze that is on then, as clocks in its time zone show them. */
function spanAt(rule: FreezeRule, iso: string): readonly string[] {
  return new Calendar([rule])
    .frozen('shop', at(iso))
    .map(({ fromMs, untilMs, timeZone }) =>
      [fromMs, untilMs!].map((ms) => localTime(ms, timeZone)).join(' -> '),
    );
}

test('a freeze is on from its first millisecond to the one before its end, for its services', () => {
  const calendar = new Calendar([WEEKEND]);
  const begin = at('2026-11-27T16:00+01:00');
  const end = begin + 64 * HOUR_MS;

  assert.deepEqual(
    [begin - 1, begin, end - 1, end].map((ms) => calendar.frozen('shop', ms).length),
    [0, 1, 1, 0],
  );
  assert.deepEqual(calendar.frozen('shop', begin), [
    {
      by: 'server.yaml line 3',
      scope: 'file',
      fromMs: begin,
      untilMs: end,
      timeZone: BERLIN,
      alsoAdvancing: true,
      reason: 'weekend',
    },
  ]);
  assert.deepEqual(calendar.frozen('blog', begin), []);
  assert.equal(new Calendar([{ ...WEEKEND, services: null }]).frozen('blog', begin).length, 1);
});

test('it begins by the clocks of its zone on both sides of each switch, and lasts as long as it says', () => {
  const usual = 'Fri 2026-11-27 16:00 CET (Europe/Berlin) -> Mon 2026-11-30 08:00 CET (Europe/Berlin)';
  // Clocks go from 02:00 to 03:00 on 28 March 2027, and from 03:00 to 02:00 on 31 October 2027: 64 hours are 64 hours.
  const spring = 'Fri 2027-03-26 16:00 CET (Europe/Berlin) -> Mon 2027-03-29 09:00 CEST (Europe/Berlin)';
  const autumn = 'Fri 2027-10-29 16:00 CEST (Europe/Berlin) -> Mon 2027-11-01 07:00 CET (Europe/Berlin)';

  assert.deepEqual(spanAt(WEEKEND, '2026-11-28T12:00Z'), [usual]);
  assert.deepEqual(spanAt(WEEKEND, '2027-03-28T12:00Z'), [spring]);
  assert.deepEqual(spanAt(WEEKEND, '2027-10-31T12:00Z'), [autumn]);
});

test('a time that a switch leaves out comes right after it; one that comes twice counts once', () => {
  const night: FreezeRule = { ...WEEKEND, cron: '30 2 * * *', forMs: HOUR_MS };
  const skipped = 'Sun 2027-03-28 03:00 CEST (Europe/Berlin) -> Sun 2027-03-28 04:00 CEST (Europe/Berlin)';
  const twice = 'Sun 2027-10-31 02:30 CEST (Europe/Berlin) -> Sun 2027-10-31 02:30 CET (Europe/Berlin)';

  assert.deepEqual(spanAt(night, '2027-03-28T01:30Z'), [skipped]);
  assert.deepEqual(spanAt(night, '2027-10-31T01:00Z'), [twice]);
  assert.deepEqual(spanAt(night, '2027-10-31T01:30Z'), []);
});

test('one that begins anew before it ends goes on to the end of the last', () => {
  const days: FreezeRule = { ...WEEKEND, cron: '0 20 * * FRI,SAT', forMs: 30 * HOUR_MS };
  const joined = 'Fri 2026-11-27 20:00 CET (Europe/Berlin) -> Mon 2026-11-30 02:00 CET (Europe/Berlin)';

  assert.deepEqual(spanAt(days, '2026-11-28T10:00Z'), [joined]);
});

test('rules that overlap are all on, each with its own end', () => {
  const sale: FreezeRule = { ...WEEKEND, cron: '0 0 28 11 *', forMs: 24 * HOUR_MS, reason: 'sale' };
  const on = new Calendar([WEEKEND, sale]).frozen('shop', at('2026-11-28T12:00Z'));

  assert.deepEqual(
    on.map(({ reason, untilMs }) => [reason, new Date(untilMs!).toISOString()]),
    [
      ['weekend', '2026-11-30T07:00:00.000Z'],
      ['sale', '2026-11-28T23:00:00.000Z'],
    ],
  );
});

test('what it said once does not outlive a clock that is put back or forward', () => {
  const calendar = new Calendar([WEEKEND]);
  const friday = at('2026-11-27T18:00+01:00');

  assert.equal(calendar.frozen('shop', friday).length, 1);
  assert.equal(calendar.frozen('shop', friday - 24 * HOUR_MS).length, 0);
  assert.equal(calendar.frozen('shop', friday + 7 * 24 * HOUR_MS).length, 1);
  assert.equal(calendar.frozen('shop', friday + 10 * 24 * HOUR_MS).length, 0);
});

test('what comes next is the first that is not on yet', () => {
  const sale: FreezeRule = { ...WEEKEND, cron: '0 0 28 11 *', forMs: 24 * HOUR_MS, reason: 'sale' };
  const calendar = new Calendar([WEEKEND, sale]);

  assert.equal(calendar.next('shop', at('2026-11-27T12:00Z'))?.rule.reason, 'weekend');
  assert.equal(calendar.next('shop', at('2026-11-27T18:00Z'))?.rule.reason, 'sale');
  assert.equal(calendar.next('blog', at('2026-11-27T12:00Z')), null);
});

function fault(cron: string, hours = 1): string | null {
  return ruleFault({ cron, forMs: hours * HOUR_MS, timeZone: BERLIN });
}

test('a cron that is none, that never comes, or that never ends is refused', () => {
  assert.equal(fault('0 16 * * FRI', 64), null);
  assert.equal(fault('0 0 29 2 *'), null);
  assert.match(fault('0 0 30 2 *') ?? '', /"0 0 30 2 \*" never comes/);
  assert.match(fault('61 * * * *') ?? '', /is not understood: .*minute: 61/);
  assert.match(fault('* * * * * *') ?? '', /is not understood/);
  assert.match(fault('') ?? '', /is not understood/);
  assert.match(fault('0 * * * *', 1) ?? '', /never end: shorten "for"/);
  assert.match(fault('0 16 * * FRI', 169) ?? '', /never end/);
});
