import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Journal, JournalEntry } from '../journal/journal.ts';
import { createMemoryDisk, openMemoryJournal } from '../journal/memory/journal.ts';
import type { Json } from '../lib/json.ts';
import { forgetOldDocuments } from './old-documents.ts';

const NOW = 1_800_000_000_000;
/** More than are kept. */
const ROLLOUTS = 5300;

type Document = JournalEntry['documents'][number];

function document(kind: string, key: string, value: Json): Document {
  return { kind, key, aggregate: 'shop', value };
}

function rollout(n: number): Document {
  const record = { rollout: { id: `r${n}`, releaseId: `shop/v${n}` }, ending: { outcome: 'done' } };
  return document('rollout', `r${n}`, record);
}

/** A release and its rollout each, v1 the oldest, and answers and plans of yesterday and today. */
function filled(): Journal {
  const journal = openMemoryJournal(createMemoryDisk());
  const all = Array.from({ length: ROLLOUTS }, (_, index) => index + 1);
  const notes = ['answer', 'plan'].flatMap((kind) => [
    document(kind, 'old', { atMs: NOW - 1 }),
    document(kind, 'new', { atMs: NOW }),
  ]);
  journal.commit({
    aggregate: 'shop',
    expectedRevision: 0,
    atMs: NOW,
    actor: 'test',
    rollout: null,
    kind: 'test',
    event: {},
    state: {},
    commands: [],
    finished: [],
    documents: [...all.flatMap((n) => [document('release', `shop/v${n}`, {}), rollout(n)]), ...notes],
  });
  return journal;
}

const NO_EVIDENCE = { dropEvidence: async (): Promise<void> => {} };

function left(journal: Journal, kind: string): ReadonlySet<string> {
  return new Set(journal.documents({ kind, aggregate: null, limit: 1e6 }).map(({ key }) => key));
}

test('the oldest go, but for what is kept; so do their releases, and notes of the day before', async () => {
  const journal = filled();
  const dropped: string[] = [];

  await forgetOldDocuments({
    journal,
    samples: { dropEvidence: async (ids) => void dropped.push(...ids) },
    beforeMs: NOW,
    kept: () => new Set(['shop/v7']),
    pause: async () => true,
  });

  const [rollouts, releases] = [left(journal, 'rollout'), left(journal, 'release')];
  assert.deepEqual([rollouts.size, releases.size], [5001, 5001]);
  assert.ok(rollouts.has('r7') && releases.has('shop/v7') && !rollouts.has('r300') && rollouts.has('r301'));
  assert.deepEqual([left(journal, 'answer'), left(journal, 'plan')], [new Set(['new']), new Set(['new'])]);
  assert.equal(dropped.length, ROLLOUTS - rollouts.size);
  assert.ok(dropped.includes('r300') && !dropped.includes('r7'));
  assert.equal(journal.verify(), null);
});

test('no more than a hundred are read, and two hundred deleted, before others may act', async () => {
  const journal = filled();
  let [read, deleted, most] = [0, 0, 0];
  const counted: Journal = {
    ...journal,
    head: () => journal.head(),
    events: (query) => journal.events(query),
    documents: (query) => {
      const found = journal.documents(query);
      read += found.length;
      return found;
    },
    prune: (request) => {
      deleted += request.documents.length;
      journal.prune(request);
    },
  };

  await forgetOldDocuments({
    journal: counted,
    samples: NO_EVIDENCE,
    beforeMs: NOW,
    kept: () => new Set(),
    pause: async () => {
      most = Math.max(most, read, deleted / 2);
      [read, deleted] = [0, 0];
      return true;
    },
  });

  assert.equal(most, 100);
  assert.equal(left(journal, 'rollout').size, 5000);
});

test('what somebody goes back to meanwhile stays', async () => {
  const journal = filled();
  let isDeleting = false;
  let parts = 0;

  await forgetOldDocuments({
    journal,
    samples: NO_EVIDENCE,
    beforeMs: NOW,
    kept: () => {
      isDeleting = true;
      return new Set(parts > 0 ? ['shop/v2'] : []);
    },
    pause: async () => {
      if (isDeleting) parts += 1;
      return true;
    },
  });

  assert.ok(parts > 2);
  assert.ok(left(journal, 'rollout').has('r2') && left(journal, 'release').has('shop/v2'));
});

test('a controller that stops goes no further', async () => {
  const journal = filled();

  await forgetOldDocuments({
    journal,
    samples: NO_EVIDENCE,
    beforeMs: NOW,
    kept: () => new Set(),
    pause: async () => false,
  });

  assert.equal(left(journal, 'rollout').size, ROLLOUTS);
});
