import { readLeniently } from '../wire/lenient-request.ts';
import type { Lane } from '../wire/lanes.ts';
import { say, statusesIn } from '../wire/raw-client.ts';
import { FROM_RECORDER } from '../wire/recorder.ts';
import { type ReadRequest, readStrictly, valuesOf } from '../wire/strict-request.ts';
import type { Entry } from './entry.ts';

/** What became of an entry behind one proxy. */
export type Outcome = {
  /**
   * `refused`: the application saw nothing. `cut off`: it saw a request that never ended. `passed`: it was sound, and arrived so.
   * `cleaned`: it was not, by a strict reading, and what arrived is. `ambiguous`: what arrived is not.
   */
  readonly kind: 'refused' | 'cut off' | 'passed' | 'cleaned' | 'ambiguous';
  /** Status codes for the client; why, where it is ambiguous. */
  readonly detail: string;
};

/** On a busy machine an answer may be this long in coming. */
const SILENCE_MS = 1500;
const AFTER_MS = 60;
/** What the proxy hands on after it answered. */
const SETTLE_MS = 4;

export async function outcomeOf({ port, recorder }: Lane, entry: Entry): Promise<Outcome> {
  const { text, closed } = await say(port, entry.bytes, {
    isDone: (so) => statusesIn(so).length >= entry.requests,
    silenceMs: SILENCE_MS,
    afterMs: AFTER_MS,
  });
  await new Promise((resolve) => setTimeout(resolve, SETTLE_MS));
  const recorded = recorder.taken();
  const said = statusesIn(text).join(', ') || (closed ? 'closed' : 'no answer');
  const wrong = await ambiguity(recorded, text, entry);
  if (wrong !== null) return { kind: 'ambiguous', detail: `${wrong}; ${said}` };
  const readings = recorded.map(readStrictly);
  if (readings.some(({ left }) => left === 'more')) return { kind: 'cut off', detail: said };
  if (readings.length === 0) return { kind: 'refused', detail: said };
  const sent = readStrictly(entry.bytes);
  const isSound = sent.left === null || sent.requests.length >= readings.length;
  return { kind: isSound ? 'passed' : 'cleaned', detail: said };
}

/** Why the application could read it otherwise than the proxy did, or null. */
export async function ambiguity(
  recorded: readonly string[],
  text: string,
  entry: Entry,
): Promise<string | null> {
  let whole = 0;
  for (const bytes of recorded) {
    const strict = readStrictly(bytes);
    if (strict.left !== null && strict.left !== 'more') return strict.left;
    const lenient = await readLeniently(bytes);
    // What llhttp refuses, an unknown method for one, it does not take for anything else.
    if (shown(strict.requests.slice(0, lenient.length)) !== shown(lenient)) return 'two readers differ';
    for (const each of strict.requests) {
      const from = valuesOf(each.headers, 'x-forwarded-for');
      if (from.length !== 1 || from[0] !== '127.0.0.1') return `X-Forwarded-For ${from.join(' | ')}`;
    }
    whole += strict.requests.length;
  }
  const answers = text.toLowerCase().split(FROM_RECORDER.toLowerCase()).length - 1;
  if (whole > answers || whole > Math.max(1, entry.requests))
    return `${whole} requests for ${answers} answers`;
  return null;
}

function shown(requests: readonly ReadRequest[]): string {
  return JSON.stringify(requests.map(({ method, target, body }) => [method, target, body]));
}

/** All entries, a lane's one after the other. */
export async function outcomesOf(lanes: readonly Lane[], entries: readonly Entry[]): Promise<Outcome[]> {
  const outcomes: Outcome[] = [];
  let next = 0;
  await Promise.all(
    lanes.map(async (lane) => {
      for (let at = next++; at < entries.length; at = next++)
        outcomes[at] = await outcomeOf(lane, entries[at]!);
    }),
  );
  return outcomes;
}
