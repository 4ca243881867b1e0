import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { BugError } from '../lib/assert.ts';
import { OperatingError } from '../lib/errors.ts';
import type { Json } from '../lib/json.ts';
import { verifyAgainst } from './chain.ts';
import type { Journal, JournalEntry } from './journal.ts';

/** One place where journals are kept. Each `open` gives the same content again. */
export type JournalSite = {
  open(): Journal;
  /** Changes events behind a closed journal's back. */
  tamper(how: Tampering): void;
  /** Makes the next commits find no room, where that can be arranged. */
  fill(journal: Journal): void;
  remove(): void;
};

export type Tampering =
  | { readonly kind: 'edit'; readonly seq: number }
  | { readonly kind: 'delete'; readonly seq: number }
  | { readonly kind: 'swap'; readonly seq: number; readonly with: number }
  /** Everything after it goes. */
  | { readonly kind: 'cut'; readonly seq: number };

export function entry(change: Partial<JournalEntry>): JournalEntry {
  return {
    aggregate: 'shop',
    expectedRevision: 0,
    atMs: 1_700_000_000_000,
    actor: 'bascule',
    rollout: null,
    kind: 'deployed',
    event: { version: 'v1' },
    state: { phase: 'idle' },
    commands: [],
    finished: [],
    documents: [],
    ...change,
  };
}

export function journalConformance(name: string, make: () => JournalSite): void {
  function withSite(work: (site: JournalSite) => void): void {
    const site = make();
    try {
      work(site);
    } finally {
      site.remove();
    }
  }
  function fact(title: string, work: (journal: Journal, site: JournalSite) => void): void {
    test(title, () => {
      withSite((site) => {
        const journal = site.open();
        work(journal, site);
        journal.close();
      });
    });
  }

  describe(name, () => {
    commits(fact);
    refusals(fact);
    queries(fact);
    pruning(fact);
    tampering(fact);
  });
}

type Fact = (title: string, work: (journal: Journal, site: JournalSite) => void) => void;

function commits(fact: Fact): void {
  fact('a new journal is empty and its chain fits', (journal) => {
    assert.deepEqual(journal.load(), []);
    assert.deepEqual(journal.head(), { seq: 0, mac: '0'.repeat(64) });
    assert.equal(journal.verify(), null);
  });

  fact('commits are numbered and an aggregate has its newest state', (journal) => {
    const first = journal.commit(entry({ state: { n: 1 } }));
    const second = journal.commit(entry({ expectedRevision: 1, state: { n: 2 } }));
    const other = journal.commit(entry({ aggregate: 'cart', state: { n: 3 } }));

    assert.deepEqual(
      [first, second, other],
      [
        { seq: 1, revision: 1 },
        { seq: 2, revision: 2 },
        { seq: 3, revision: 1 },
      ],
    );
    assert.deepEqual(journal.load(), [
      { aggregate: 'cart', revision: 1, state: { n: 3 }, pending: [] },
      { aggregate: 'shop', revision: 2, state: { n: 2 }, pending: [] },
    ]);
    assert.equal(journal.verify(), null);
  });

  fact('commands stay pending, oldest first, until an event of their aggregate finishes them', (journal) => {
    journal.commit(entry({ commands: [command('b'), command('a')] }));
    journal.commit(entry({ aggregate: 'cart', commands: [command('x')], finished: ['a'] }));
    journal.commit(entry({ expectedRevision: 1, commands: [command('c')], finished: ['b', 'b', 'unknown'] }));

    const [cart, shop] = journal.load();

    assert.deepEqual(cart?.pending, [command('x')]);
    assert.deepEqual(shop?.pending, [command('a'), command('c')]);
  });

  fact('everything is there again after closing and opening', (journal, site) => {
    journal.commit(entry({ commands: [command('a'), command('b')], documents: [release('v1', { n: 1 })] }));
    const before = [journal.load(), journal.head(), journal.document('release', 'v1')];
    journal.close();

    const again = site.open();

    assert.deepEqual([again.load(), again.head(), again.document('release', 'v1')], before);
    assert.deepEqual(again.commit(entry({ expectedRevision: 1 })), { seq: 2, revision: 2 });
    assert.equal(again.verify(), null);
    again.close();
  });

  fact('a deleted aggregate is gone with its commands and can begin anew; its events stay', (journal) => {
    journal.commit(entry({ commands: [command('a')], documents: [release('v1', 1)] }));
    const deleted = journal.commit(entry({ expectedRevision: 1, kind: 'removed', state: null }));

    assert.deepEqual(deleted, { seq: 2, revision: 0 });
    assert.deepEqual(journal.load(), []);
    assert.equal(journal.events(everything()).length, 2);
    assert.equal(journal.document('release', 'v1'), 1);
    assert.equal(journal.commit(entry({ commands: [command('a')] })).revision, 1);
  });

  fact('what was handed in may be changed afterwards without changing what is stored', (journal) => {
    const state = { n: 1 };
    journal.commit(entry({ state }));
    state.n = 2;

    assert.deepEqual(journal.load()[0]?.state, { n: 1 });
  });

  fact('ill-formed text is mended, not stored in a form that breaks the chain', (journal, site) => {
    const odd = 'a\ud800\0b';
    journal.commit(
      entry({ aggregate: odd, actor: odd, rollout: odd, event: odd, commands: [{ id: odd, command: odd }] }),
    );
    journal.close();

    const again = site.open();

    assert.equal(again.verify(), null);
    assert.equal(again.events(everything())[0]?.actor, 'a\ufffd\0b');
    assert.equal(again.events(everything())[0]?.event, odd);
    again.commit(entry({ aggregate: odd, expectedRevision: 1, finished: [odd] }));
    assert.deepEqual(again.load()[0]?.pending, []);
    again.close();
  });
}

function refusals(fact: Fact): void {
  fact('an unexpected revision is a conflict and leaves nothing', (journal) => {
    journal.commit(entry({}));
    leavesNothing(journal, (error) => error instanceof OperatingError && error.code === 'JOURNAL_CONFLICT', {
      expectedRevision: 0,
    });
    leavesNothing(journal, (error) => error instanceof OperatingError && error.code === 'JOURNAL_CONFLICT', {
      aggregate: 'cart',
      expectedRevision: 3,
    });
  });

  fact('a command id that is pending already is a bug and leaves nothing', (journal) => {
    journal.commit(entry({ commands: [command('a')] }));
    leavesNothing(journal, (error) => error instanceof BugError, {
      expectedRevision: 1,
      finished: [],
      commands: [command('z'), command('a')],
    });
    leavesNothing(journal, (error) => error instanceof BugError, {
      expectedRevision: 1,
      commands: [command('y'), command('y')],
    });
  });

  fact('deleting an aggregate while giving commands is a bug and leaves nothing', (journal) => {
    leavesNothing(journal, (error) => error instanceof BugError, { state: null, commands: [command('a')] });
  });

  fact('a full disk refuses the commit, says so, and what was there stays usable', (journal, site) => {
    journal.commit(entry({ commands: [command('a')] }));
    site.fill(journal);
    leavesNothing(
      journal,
      (error) => error instanceof OperatingError && error.code === 'JOURNAL_FULL' && error.retryable,
      { expectedRevision: 1, event: 'x'.repeat(1_000_000) },
    );
    assert.equal(journal.verify(), null);
  });
}

/** Tries a commit that also carries a finished command, a new one and a document. */
function leavesNothing(
  journal: Journal,
  isRight: (error: unknown) => boolean,
  change: Partial<JournalEntry>,
): void {
  const before = [journal.load(), journal.head(), journal.events(everything())];
  const lost = entry({
    state: 'lost',
    finished: ['a'],
    commands: [command('lost')],
    documents: [release('lost', 1)],
    ...change,
  });

  assert.throws(() => journal.commit(lost), isRight);

  assert.deepEqual([journal.load(), journal.head(), journal.events(everything())], before);
  assert.equal(journal.document('release', 'lost'), undefined);
}

function queries(fact: Fact): void {
  fact('events come oldest first, by aggregate, rollout, place and number', (journal) => {
    const plan = [
      ['shop', null],
      ['shop', 'r1'],
      ['cart', 'r1'],
      ['shop', 'r2'],
      ['shop', 'r1'],
    ] as const;
    const revisions = new Map<string, number>();
    for (const [aggregate, rollout] of plan) {
      const expectedRevision = revisions.get(aggregate) ?? 0;
      revisions.set(aggregate, journal.commit(entry({ aggregate, rollout, expectedRevision })).revision);
    }
    function seqs(query: {
      aggregate?: string;
      rollout?: string;
      afterSeq?: number;
      limit?: number;
    }): number[] {
      return journal.events({ ...everything(), ...query }).map((event) => event.seq);
    }

    assert.deepEqual(seqs({}), [1, 2, 3, 4, 5]);
    assert.deepEqual(seqs({ afterSeq: 2, limit: 2 }), [3, 4]);
    assert.deepEqual(seqs({ aggregate: 'shop' }), [1, 2, 4, 5]);
    assert.deepEqual(seqs({ rollout: 'r1' }), [2, 3, 5]);
    assert.deepEqual(seqs({ rollout: 'r1', aggregate: 'shop', afterSeq: 2 }), [5]);
    assert.deepEqual(seqs({ rollout: 'r1', aggregate: 'shop', limit: 1 }), [2]);
    assert.deepEqual(seqs({ limit: 0 }), []);
    assert.deepEqual(seqs({ aggregate: 'none' }), []);
  });

  fact('an event comes back whole', (journal) => {
    const given = {
      event: { a: [1, -2.5, null, 'ü', true] },
      actor: 'kim',
      rollout: 'shop/1',
      kind: 'paused',
    };
    journal.commit(entry(given));

    const [event] = journal.events(everything());

    const mac = journal.head().mac;
    assert.deepEqual(event, { seq: 1, aggregate: 'shop', atMs: 1_700_000_000_000, mac, ...given });
    assert.match(mac, /^[0-9a-f]{64}$/);
  });

  fact('documents come newest first; an update keeps its place', (journal) => {
    journal.commit(entry({ documents: [release('v1', 1), release('v2', 2)] }));
    journal.commit(
      entry({
        aggregate: 'cart',
        documents: [{ ...release('c1', 3), aggregate: 'cart' }, release('v1', 'new')],
      }),
    );
    function keys(kind: string, aggregate: string | null, limit = 10): string[] {
      return journal.documents({ kind, aggregate, limit }).map((document) => document.key);
    }

    assert.deepEqual(keys('release', null), ['c1', 'v2', 'v1']);
    assert.deepEqual(keys('release', null, 2), ['c1', 'v2']);
    assert.deepEqual(keys('release', 'shop'), ['v2', 'v1']);
    assert.deepEqual(keys('other', null), []);
    const olderThan = (key: string, aggregate: string | null = null): readonly string[] =>
      journal.documents({ kind: 'release', aggregate, limit: 10, olderThan: key }).map((one) => one.key);
    assert.deepEqual(olderThan('c1'), ['v2', 'v1']);
    assert.deepEqual(olderThan('v2', 'shop'), ['v1']);
    assert.deepEqual([olderThan('v1'), olderThan('nothing')], [[], []]);
    assert.equal(journal.document('release', 'v1'), 'new');
    assert.equal(journal.document('other', 'v1'), undefined);
  });
}

function pruning(fact: Fact): void {
  fact('pruned events and documents are gone, the chain fits, and numbering goes on', (journal, site) => {
    fillWith(journal, 6);
    const head = journal.head();
    journal.prune({ eventsUpToSeq: 4, documents: [{ kind: 'release', key: 'v2' }] });
    journal.close();

    const again = site.open();

    assert.deepEqual(
      again.events(everything()).map((event) => event.seq),
      [5, 6],
    );
    assert.equal(again.document('release', 'v2'), undefined);
    assert.equal(again.document('release', 'v3'), 3);
    assert.deepEqual(again.head(), head);
    assert.equal(again.verify(), null);
    assert.equal(again.load()[0]?.pending.length, 6);
    assert.equal(again.commit(entry({ expectedRevision: 6 })).seq, 7);
    again.close();
  });

  fact('pruning everything keeps the head; pruning again, or less, changes nothing', (journal, site) => {
    fillWith(journal, 3);
    const head = journal.head();
    for (const eventsUpToSeq of [99, 99, 1, 0]) journal.prune({ eventsUpToSeq, documents: [] });
    journal.close();

    const again = site.open();

    assert.deepEqual([again.events(everything()), again.head(), again.verify()], [[], head, null]);
    assert.equal(verifyAgainst(again, head), null);
    assert.equal(again.commit(entry({ expectedRevision: 3 })).seq, 4);
    assert.equal(again.verify(), null);
    again.close();
  });

  fact('what was tampered with is not signed away by pruning', (journal, site) => {
    fillWith(journal, 4);
    journal.close();
    site.tamper({ kind: 'edit', seq: 2 });

    const again = site.open();

    assert.throws(
      () => again.prune({ eventsUpToSeq: 3, documents: [{ kind: 'release', key: 'v1' }] }),
      (error) => error instanceof OperatingError && error.code === 'JOURNAL_CHAIN',
    );
    assert.equal(again.events(everything()).length, 4);
    assert.equal(again.document('release', 'v1'), 1);
    again.close();
  });
}

function tampering(fact: Fact): void {
  const cases: readonly { how: Tampering; found: number }[] = [
    { how: { kind: 'edit', seq: 3 }, found: 3 },
    { how: { kind: 'edit', seq: 6 }, found: 6 },
    { how: { kind: 'delete', seq: 1 }, found: 1 },
    { how: { kind: 'delete', seq: 4 }, found: 4 },
    { how: { kind: 'swap', seq: 2, with: 5 }, found: 2 },
  ];
  for (const { how, found } of cases) {
    fact(`the chain shows: ${JSON.stringify(how)}`, (journal, site) => {
      fillWith(journal, 6);
      journal.close();
      site.tamper(how);

      const again = site.open();

      assert.equal(again.verify()?.seq, found);
      again.close();
    });
  }

  fact(
    'a cut tail shows, also after other events, with and without a head that was announced',
    (journal, site) => {
      fillWith(journal, 6);
      const announced = journal.head();
      assert.equal(verifyAgainst(journal, announced), null);
      journal.close();
      site.tamper({ kind: 'cut', seq: 4 });

      const again = site.open();

      assert.equal(again.verify()?.seq, 5);
      assert.equal(verifyAgainst(again, announced)?.seq, 5);
      again.commit(entry({ expectedRevision: 6, kind: 'other' }));
      again.commit(entry({ expectedRevision: 7, kind: 'other' }));
      again.commit(entry({ expectedRevision: 8, kind: 'other' }));
      assert.equal(again.verify()?.seq, 5);
      again.close();
      const later = site.open();
      assert.notEqual(later.verify(), null);
      assert.notEqual(verifyAgainst(later, announced), null);
      later.close();
    },
  );
}

function fillWith(journal: Journal, count: number): void {
  for (let n = 1; n <= count; n++) {
    journal.commit(
      entry({
        expectedRevision: n - 1,
        event: { n },
        commands: [command(`c${n}`)],
        documents: [release(`v${n}`, n)],
      }),
    );
  }
}

function command(id: string): { id: string; command: Json } {
  return { id, command: { kind: 'apply', to: id } };
}

function release(key: string, value: Json): JournalEntry['documents'][number] {
  return { kind: 'release', key, aggregate: 'shop', value };
}

function everything() {
  return { aggregate: null, rollout: null, afterSeq: 0, limit: 1000 };
}
