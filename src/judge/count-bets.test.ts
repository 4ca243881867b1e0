import assert from 'node:assert/strict';
import { test } from 'node:test';
import { poisson, rngOf } from '../../test/judge-traffic.ts';
import { NO_COUNT_BETS, advanceCounts, ratioBounds, type CountBets, type CountWindow } from './count-bets.ts';
import { mixtureLogE } from './mixture.ts';

const COMMON = { phi: 1, tau: 1, prior: 0 } as const;

function window(more: Partial<CountWindow>): CountWindow {
  return { candidate: 0, stable: 0, share: 0.25, harm: 'fewer', ratio: 0.9, ...COMMON, ...more };
}

/** Windows of Poisson counts, `times` as many on the candidate as stable would have at its share. */
function run(
  seed: number,
  at: {
    readonly events: number;
    readonly times: number;
    readonly windows: number;
    readonly harm: 'more' | 'fewer';
  },
): { readonly bets: CountBets; readonly found: number | null } {
  const random = rngOf(seed);
  let bets = NO_COUNT_BETS;
  for (let i = 0; i < at.windows; i++) {
    bets = advanceCounts(
      bets,
      window({
        candidate: poisson(random, at.events * 0.25 * at.times),
        stable: poisson(random, at.events * 0.75),
        harm: at.harm,
        ratio: at.harm === 'more' ? 1.1 : 0.9,
        prior: i === 0 ? 1 : 0,
      }),
    );
    if (bets.harm.logE >= Math.log(100)) return { bets, found: i + 1 };
  }
  return { bets, found: null };
}

test('fewer is more with the sides changed', () => {
  const fewer = advanceCounts(NO_COUNT_BETS, window({ candidate: 3, stable: 40, prior: 0.5 }));
  const more = advanceCounts(
    NO_COUNT_BETS,
    window({ candidate: 40, stable: 3, share: 0.75, harm: 'more', ratio: 1 / 0.9, prior: 0.5 }),
  );

  assert.deepEqual(fewer.harm, more.harm);
  assert.deepEqual(fewer.safe, more.safe);
});

test('a candidate at the margin is taken for harmful in at most one of a hundred rollouts', () => {
  let [fewer, more] = [0, 0];
  for (let seed = 0; seed < 400; seed++) {
    if (run(seed, { events: 40, times: 0.9, windows: 60, harm: 'fewer' }).found !== null) fewer += 1;
    if (run(seed, { events: 40, times: 1.1, windows: 60, harm: 'more' }).found !== null) more += 1;
  }

  assert.ok(fewer <= 4 && more <= 4, `${fewer} and ${more} of 400`);
});

test('a business that stops is seen within four windows of forty events, a half of it within twenty', () => {
  const stops = run(1, { events: 40, times: 0, windows: 60, harm: 'fewer' });
  const half = run(2, { events: 40, times: 0.5, windows: 60, harm: 'fewer' });
  const double = run(3, { events: 40, times: 2, windows: 60, harm: 'more' });

  assert.ok(stops.found !== null && stops.found <= 4, String(stops.found));
  assert.ok(half.found !== null && half.found <= 20, String(half.found));
  assert.ok(double.found !== null && double.found <= 20, String(double.found));
});

test('one window, whatever is in it, takes no version back', () => {
  const bets = advanceCounts(NO_COUNT_BETS, window({ candidate: 0, stable: 100_000, prior: 1 }));

  assert.ok(bets.harm.logE < Math.log(100), String(bets.harm.logE));
});

test('as many as stable is surely not fewer by 10 % in the end, and shown so', () => {
  const { bets, found } = run(4, { events: 4000, times: 1.02, windows: 60, harm: 'fewer' });
  const limits = { harm: 'fewer', ratio: 0.9, harmLimit: Math.log(100), safeLimit: Math.log(20) } as const;

  assert.equal(found, null);
  assert.ok(mixtureLogE(bets.safe) >= Math.log(20));
  const { towardsSafety, towardsHarm } = ratioBounds(bets, { ...limits, isWorse: false, isSafe: true });
  assert.ok(towardsSafety !== null && towardsSafety >= 0.9 && towardsSafety <= 1, String(towardsSafety));
  assert.ok(towardsHarm !== null && towardsHarm >= 1, String(towardsHarm));
});
