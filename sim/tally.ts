import { createHash } from 'node:crypto';
import { globSync, readFileSync, writeFileSync } from 'node:fs';
import { Coverage } from './coverage.ts';
import type { Result } from './story.ts';

/** What seeds in a row came to. Kept in a file, so that many can be played in pieces, when there is time for each. */
export type Tally = {
  /** Digest of the code that played them. */
  readonly code: string;
  readonly sqlite: boolean;
  readonly from: number;
  readonly played: number;
  readonly events: number;
  readonly breaches: readonly Result[];
  readonly seconds: number;
  readonly cpuSeconds: number;
  readonly counts: readonly (readonly [string, number])[];
};

/** Of everything that decides what a seed comes to. */
export function codeDigest(): string {
  const hash = createHash('sha256');
  const files = globSync(['src/**/*.ts', 'sim/**/*.ts']).filter((file) => !file.endsWith('.test.ts'));
  for (const file of files.sort()) hash.update(`${file}\0${readFileSync(file, 'utf8')}\0`);
  return hash.digest('hex').slice(0, 16);
}

export function saveTally(file: string, tally: Tally): void {
  writeFileSync(file, `${JSON.stringify(tally)}\n`);
}

export function loadTally(file: string): Tally {
  return JSON.parse(readFileSync(file, 'utf8')) as Tally;
}

/** One run out of its pieces, in any order. Throws unless they are of one code and leave no seed out between them. */
export function joined(pieces: readonly Tally[]): Tally {
  const [first, ...others] = pieces.toSorted((a, b) => a.from - b.from);
  if (first === undefined) throw new Error('There is nothing to sum up.');
  return others.reduce(withNext, first);
}

function withNext(sum: Tally, next: Tally): Tally {
  if (next.code !== sum.code || next.sqlite !== sum.sqlite)
    throw new Error(`Seeds ${next.from} and up were played by other code than those before.`);
  const end = sum.from + sum.played;
  if (next.from !== end) throw new Error(`Seed ${end} comes next, and not ${next.from}.`);
  return {
    ...sum,
    played: sum.played + next.played,
    events: sum.events + next.events,
    breaches: [...sum.breaches, ...next.breaches],
    seconds: sum.seconds + next.seconds,
    cpuSeconds: sum.cpuSeconds + next.cpuSeconds,
    counts: [...sum.counts, ...next.counts],
  };
}

export function coverageOf({ counts }: Tally): Coverage {
  const coverage = new Coverage();
  for (const one of counts) coverage.addAll(new Map([one]));
  return coverage;
}
