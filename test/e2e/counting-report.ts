import type { Outcomes } from './counting-load.ts';
import { less, type Settled } from './counting-world.ts';

type Seen = { readonly seen: Outcomes; readonly again: number };

/** Prints what was known and what was counted; returns what differs, in sentences. */
export function compare(before: Settled, after: Settled, { seen, again }: Seen): string[] {
  const wrong: string[] = [];
  const rows = new Map<string, Readonly<Record<string, number>>>();
  for (const [key, counts] of Object.entries(after.asked))
    rows.set(key.replace('-breaks', ''), less(counts, before.asked[key]!));
  const refused = Object.values(seen['refused/ok'] ?? {}).reduce((sum, count) => sum + count, 0);
  rows.set('refused.blue.0', { connectFailure: refused });
  console.log(
    `\n${'slot and replica'.padEnd(18)}${'class'.padEnd(16)}${'known'.padStart(8)}${'counted'.padStart(9)}`,
  );
  for (const [key, known] of rows) {
    if (key.startsWith('timed')) continue;
    const counted = less(after.kept.counts[key] ?? {}, before.kept.counts[key] ?? {});
    for (const name of new Set([...Object.keys(known), ...Object.keys(counted)])) {
      const [want, have] = [known[name] ?? 0, counted[name] ?? 0];
      if (want === 0 && have === 0) continue;
      console.log(
        `${key.padEnd(18)}${name.padEnd(16)}${String(want).padStart(8)}${String(have).padStart(9)}${want === have ? '' : '  <<<'}`,
      );
      if (want !== have) wrong.push(`${key} ${name}: ${want} were, ${have} counted`);
    }
  }
  for (const [what, statuses] of Object.entries(seen))
    console.log(`the client saw of ${what}: ${JSON.stringify(statuses)}`);
  console.log(`sent again, as the connection was closed before the request was read: ${again}`);
  const lost = after.kept.lost.length - before.kept.lost.length;
  if (lost > 0) wrong.push(`seconds were reported as lost: ${JSON.stringify(after.kept.lost)}`);
  wrong.push(...unlike(seen));
  return wrong;
}

/** What the client saw of each path, but for what fails by design. */
function unlike(seen: Outcomes): string[] {
  const wanted: Readonly<Record<string, number>> = {
    'main/ok': 200,
    'main/missing': 404,
    'main/error': 500,
    'main/abort': 0,
    'retried/ok': 200,
    'late/never': 504,
  };
  return Object.entries(wanted).flatMap(([what, status]) =>
    Object.keys(seen[what] ?? {}).some((found) => Number(found) !== status)
      ? [`the client saw ${JSON.stringify(seen[what])} of ${what}`]
      : [],
  );
}
