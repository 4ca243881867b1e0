import type { Current } from './current.ts';
import { findLine, shown, sourcesOf, type Look } from './look.ts';

export const STRATEGIES = ['blue-green', 'canary'] as const;
export type Advice = {
  readonly strategy: (typeof STRATEGIES)[number];
  /** Null for the usual one. */
  readonly preset: 'careful' | null;
  /** The rest of a sentence that begins with the strategy. */
  readonly because: string;
};

/** What two versions that run side by side for long would spoil. */
const ALONE: readonly { readonly form: RegExp; readonly because: string }[] = [
  {
    form: /\bsqlite3?:\/\/|['"`](?:better-)?sqlite3?['"`]|node:sqlite|\bimport sqlite3\b|django\.db\.backends\.sqlite3/u,
    because:
      'keeps its data in SQLite, and two versions should not share one file for as long as a canary takes',
  },
  {
    form: /\bMemoryStore\b|['"`]express-session['"`]|SESSION_TYPE['"\]\s:=]+filesystem|\bsessions? *(?::[^=]*)?= *(?:new Map|\{\})/u,
    because: 'keeps sessions in the process: one switch loses them once, a canary loses them at every step',
  },
];
const MONEY =
  /['"`](?:stripe|braintree|adyen|paypal|@adyen\/[\w-]+|@paypal\/[\w-]+|mollie|plaid)['"`]|^\s*(?:import|from) (?:stripe|braintree|Adyen|paypalrestsdk|plaid)\b/u;
/** Open connections that show a stream of visitors rather than a try. */
const BUSY_CONNECTIONS = 20;

/** Blue-green or canary, and why; `asked` wins. */
export function adviseStrategy(look: Look, current: Current | null, asked: string | null): Advice {
  if (asked === 'canary' || asked === 'blue-green')
    return { strategy: asked, preset: null, because: 'asked for with --strategy' };
  const sources = sourcesOf(look);
  for (const { form, because } of ALONE) {
    const found = findLine(look, sources, form);
    if (found !== null)
      return { strategy: 'blue-green', preset: null, because: `${shown(found.place)} ${because}` };
  }
  const money = findLine(look, [...sources, 'package.json', 'requirements.txt', 'Gemfile'], MONEY);
  if (money !== null) {
    const because = `${shown(money.place)} shows that it handles money: few people should meet a fault`;
    return { strategy: 'canary', preset: 'careful', because };
  }
  const connections = current?.connections ?? 0;
  if (connections >= BUSY_CONNECTIONS) {
    const because = `${connections} connections are open right now, so there is traffic on which to judge`;
    return { strategy: 'canary', preset: null, because };
  }
  const because =
    'nothing here shows enough traffic to judge a canary (about 10 requests a second); --strategy canary where there is';
  return { strategy: 'blue-green', preset: null, because };
}
