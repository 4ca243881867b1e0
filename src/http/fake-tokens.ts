import type { Controller } from '../controller/controller.ts';
import type { TokenRecord } from '../controller/token-record.ts';
import { Tokens } from '../controller/tokens.ts';
import { systemClock } from '../lib/clock.ts';
import { systemRandom } from '../lib/random.ts';
import type { Fake } from './fake-controller.ts';

/** The real tokens, kept in memory. `later` moves their clock. */
export type FakeTokens = { readonly later: (ms: number) => void };

export function tokensPart(fake: Pick<Fake, 'calls'>): FakeTokens & Pick<Controller, 'tokens' | 'people'> {
  let records: readonly TokenRecord[] = [];
  let aheadMs = 0;
  const clock = { ...systemClock, nowMs: () => systemClock.nowMs() + aheadMs };
  const tokens = new Tokens(
    { clock, random: systemRandom },
    {
      tokens: () => records,
      keepTokens: (next) => {
        records = next;
      },
    },
  );
  const note = (call: string, by: string) => void fake.calls.push(`${call} by ${by}`);
  return {
    later: (ms) => {
      aheadMs += ms;
    },
    tokens,
    people: {
      createToken: (ask, caller) => {
        note(`token create ${ask.name}`, caller.actor);
        return tokens.createToken(ask, caller);
      },
      revokeToken: (id, caller) => {
        note('token revoke', caller.actor);
        return tokens.revokeToken(id, caller);
      },
    },
  };
}
