import type { CountingClient } from './counting-client.ts';
import type { Doors } from './counting-world.ts';

export const CONNECTIONS = 48;
const PEOPLE = 200;

/** Of a thousand requests; all others are answered 200. */
const KINDS = [
  ['main', '/missing', 80],
  ['main', '/error', 50],
  ['main', '/abort', 10],
  ['retried', '/ok', 20],
  ['refused', '/ok', 10],
  ['late', '/never', 2],
] as const;

/** By service and path, what the client saw: `200`, `404`, … and `0` for an answer that never came. */
export type Outcomes = Record<string, Record<number, number>>;

export async function load(
  client: CountingClient,
  doors: Doors,
  requests: number,
  progress: (sent: number) => void,
): Promise<{ readonly seen: Outcomes; readonly again: number }> {
  const seen: Outcomes = {};
  let sent = 0;
  let again = 0;
  const lane = async (): Promise<void> => {
    while (sent < requests) {
      const n = sent++;
      progress(n);
      const [service, path] = kindOf(n);
      const outcome = await client.ask({ port: doors[service]!, path, cookie: cookieOf(n) });
      again += outcome.again;
      const counts = (seen[`${service}${path}`] ??= {});
      counts[outcome.status] = (counts[outcome.status] ?? 0) + 1;
    }
  };
  await Promise.all(Array.from({ length: CONNECTIONS }, lane));
  return { seen, again };
}

function kindOf(n: number): readonly [string, string] {
  // Spread over the thousand, so that no kind comes in a row.
  let at = (n * 7) % 1000;
  for (const [service, path, share] of KINDS) {
    if (at < share) return [service, path];
    at -= share;
  }
  return ['main', '/ok'];
}

export function cookieOf(n: number): string {
  const hex = Math.imul((n % PEOPLE) + 1, 2_654_435_761)
    .toString(16)
    .replace('-', '');
  return `bascule_id=${hex.padStart(32, '0')}`;
}
