import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { systemClock } from '../../lib/clock.ts';
import { OperatingError } from '../../lib/errors.ts';
import type { Json } from '../../lib/json.ts';
import { systemRandom } from '../../lib/random.ts';
import type { Journal, JournalEntry } from '../journal.ts';
import { createMemoryDisk, openMemoryJournal } from '../memory/journal.ts';
import { openSqliteJournal } from './open.ts';

type Step =
  | { readonly kind: 'commit'; readonly entry: JournalEntry; readonly isStale: boolean }
  | { readonly kind: 'prune'; readonly eventsUpToSeq: number; readonly key: string }
  | { readonly kind: 'reopen' };

const name = fc.constantFrom('shop', 'cart', 'ü', 'Shop', '');
const id = fc.constantFrom('a', 'b', 'c', 'd', '\ud800', 'e\0');
const json = fc.jsonValue({ maxDepth: 3 }) as fc.Arbitrary<Json>;
const entry: fc.Arbitrary<JournalEntry> = fc.record({
  aggregate: name,
  expectedRevision: fc.constant(0),
  atMs: fc.integer({ min: 0, max: 2 ** 45 }),
  actor: fc.string({ unit: 'binary' }),
  rollout: fc.option(id),
  kind: id,
  event: json,
  state: fc.option(json, { freq: 8 }),
  commands: fc.array(fc.record({ id, command: json }), { maxLength: 3 }),
  finished: fc.array(id, { maxLength: 4 }),
  documents: fc.array(fc.record({ kind: id, key: id, aggregate: name, value: json }), { maxLength: 3 }),
});
const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 12,
    arbitrary: fc.record({ kind: fc.constant('commit' as const), entry, isStale: fc.boolean() }),
  },
  {
    weight: 1,
    arbitrary: fc.record({ kind: fc.constant('prune' as const), eventsUpToSeq: fc.nat(20), key: id }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('reopen' as const) }) },
);

test('the journals in SQLite and in memory cannot be told apart', () => {
  fc.assert(
    fc.property(fc.array(step, { minLength: 1, maxLength: 25 }), (steps) => {
      const dir = mkdtempSync(join(tmpdir(), 'bascule-equal-'));
      const disk = createMemoryDisk();
      const opens = [() => openIn(dir), () => openMemoryJournal(disk)] as const;
      const results = opens.map((open) => run(open, steps));
      rmSync(dir, { recursive: true });

      assert.deepEqual(results[0], results[1]);
    }),
    { numRuns: 40 },
  );
});

/** Everything that can be seen from outside, except MACs: the keys differ. */
function run(open: () => Journal, steps: readonly Step[]): unknown[] {
  let journal = open();
  const seen: unknown[] = [];
  for (const step of steps) {
    if (step.kind === 'reopen') {
      journal.close();
      journal = open();
    } else if (step.kind === 'prune') {
      const documents = [{ kind: 'a', key: step.key }];
      journal.prune({ eventsUpToSeq: step.eventsUpToSeq, documents });
    } else {
      seen.push(attempt(journal, step));
    }
    seen.push(journal.load(), journal.head().seq, journal.verify());
  }
  seen.push(
    journal.events({ aggregate: null, rollout: null, afterSeq: 0, limit: 100 }).map(({ mac, ...event }) => {
      assert.match(mac, /^[0-9a-f]{64}$/);
      return event;
    }),
    journal.events({ aggregate: 'shop', rollout: 'a', afterSeq: 1, limit: 2 }).map(({ seq }) => seq),
    ['a', 'b', 'c', 'd'].map((kind) => [
      journal.documents({ kind, aggregate: null, limit: 100 }),
      journal.documents({ kind, aggregate: 'cart', limit: 1 }),
      journal.document(kind, '\ud800'),
    ]),
  );
  journal.close();
  return seen;
}

function attempt(journal: Journal, step: Step & { kind: 'commit' }): unknown {
  const stored = journal.load().find((found) => found.aggregate === step.entry.aggregate)?.revision ?? 0;
  const expectedRevision = step.isStale && stored > 0 ? stored - 1 : stored;
  try {
    return journal.commit({ ...step.entry, expectedRevision });
  } catch (error) {
    return error instanceof OperatingError ? error.code : (error as Error).name;
  }
}

function openIn(dir: string): Journal {
  return openSqliteJournal({
    dir,
    keyFile: join(dir, 'keys', 'journal.key'),
    maxBytes: null,
    clock: systemClock,
    random: systemRandom,
  });
}
