import type { Reveal } from './credentials.ts';
import type { MetricSource } from './source.ts';

const MASK = '***';
/** A token and its former one, of a source with three of them. */
const MOST_REMEMBERED = 8;
/** Fewer letters of a secret tell nobody anything. */
const LEAST_PART = 4;

/**
 * A source whose words hold none of its own secrets, whatever a server repeats of what it was sent.
 */
export function maskedSource(open: (reveal: Reveal) => MetricSource, reveal: Reveal): MetricSource {
  let known: string[] = [];
  const source = open(async (secret) => {
    const value = await reveal(secret);
    if (!known.includes(value)) known = [...known, value].slice(-MOST_REMEMBERED);
    return value;
  });
  return {
    async sample(query, window, signal) {
      const found = await source.sample(query, window, signal);
      return found.kind === 'value' ? found : { ...found, says: masked(found.says, known) };
    },
    async check(signal) {
      const found = await source.check(signal);
      return found === null ? null : masked(found, known);
    },
  };
}

export function masked(says: string, secrets: readonly string[]): string {
  let text = says;
  for (const secret of secrets.flatMap(formsOf)) {
    text = text.replaceAll(secret, MASK);
    // What was cut short may end in the first letters of one.
    for (let length = secret.length - 1; length >= LEAST_PART; length -= 1) {
      const cut = `${secret.slice(0, length)}…`;
      if (text.endsWith(cut)) text = `${text.slice(0, -cut.length)}${MASK}…`;
    }
  }
  return text;
}

function formsOf(secret: string): readonly string[] {
  if (secret === '') return [];
  const line = secret.replaceAll(/[\s\p{Cc}]+/gu, ' ').trim();
  return [secret, line, encodeURIComponent(secret)].filter((form) => form !== '');
}
