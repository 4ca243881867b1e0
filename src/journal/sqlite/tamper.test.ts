import assert from 'node:assert/strict';
import { createHmac } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { test } from 'node:test';
import { systemClock } from '../../lib/clock.ts';
import { systemRandom } from '../../lib/random.ts';
import { signHead, verifyAgainst } from '../chain.ts';
import type { ChainHead, Journal, JournalEntry } from '../journal.ts';
import { openSqliteJournal } from './open.ts';

const RECORDS = 6;
const COLUMNS = 'aggregate, at_ms, actor, rollout, kind, event, mac';

function openIn(dir: string): Journal {
  return openSqliteJournal({
    dir,
    keyFile: join(dir, 'keys', 'journal.key'),
    maxBytes: null,
    clock: systemClock,
    random: systemRandom,
  });
}

/** What the check says of a journal whose file somebody changed while nobody had it open. */
function afterwards(
  alter: (database: DatabaseSync) => void,
  {
    announced,
    more = 0,
  }: { readonly announced?: (head: ChainHead) => ChainHead; readonly more?: number } = {},
) {
  const dir = mkdtempSync(join(tmpdir(), 'bascule-tamper-'));
  try {
    const journal = openIn(dir);
    for (let n = 0; n < RECORDS; n += 1) journal.commit(entry(n));
    const head = journal.head();
    journal.close();
    const database = new DatabaseSync(join(dir, 'journal.db'));
    alter(database);
    database.close();
    const again = openIn(dir);
    try {
      for (let n = RECORDS; n < RECORDS + more; n += 1) again.commit(entry(n));
      return announced === undefined ? again.verify() : verifyAgainst(again, announced(head));
    } finally {
      again.close();
    }
  } finally {
    rmSync(dir, { recursive: true });
  }
}

function entry(n: number): JournalEntry {
  return {
    aggregate: 'shop',
    expectedRevision: n,
    atMs: 1000 + n,
    actor: 'ana',
    rollout: null,
    kind: 'pause',
    event: { says: [`${n}`] },
    state: {},
    commands: [],
    finished: [],
    documents: [],
  };
}

function mac(fields: readonly unknown[]): string {
  return createHmac('sha256', 'a guess').update(JSON.stringify(fields)).digest('hex');
}

function cut(database: DatabaseSync): void {
  database.exec('DELETE FROM events WHERE seq = 6');
}

/** The chain as whoever has the file, but not the key, would compute it. */
function recompute(database: DatabaseSync, alsoCheckpoint: boolean): void {
  const checkpoint = database.prepare('SELECT seq, mac FROM checkpoint').get() as {
    seq: number;
    mac: string;
  };
  let former = checkpoint.mac;
  for (const row of database.prepare(`SELECT seq, ${COLUMNS} FROM events ORDER BY seq`).all()) {
    const { seq, aggregate, at_ms: atMs, actor, rollout, kind, event } = row;
    former = mac([former, seq, aggregate, atMs, actor, rollout, kind, event]);
    database.prepare('UPDATE events SET mac = ? WHERE seq = ?').run(former, seq!);
  }
  if (alsoCheckpoint)
    database
      .prepare('UPDATE checkpoint SET signature = ?')
      .run(mac(['checkpoint', checkpoint.seq, checkpoint.mac]));
}

test('a journal that nobody touched is found as it was written', () => {
  assert.equal(
    afterwards(() => undefined),
    null,
  );
  assert.equal(
    afterwards(() => undefined, { announced: (head) => head }),
    null,
  );
});

test('every field of a record that was edited is found, at the record', () => {
  for (const change of [
    "actor = 'bob'",
    "kind = 'abort'",
    'at_ms = at_ms + 1',
    "rollout = 'r-1'",
    "aggregate = 'blog'",
    "event = event || ' '",
  ]) {
    const fault = afterwards((database) => database.exec(`UPDATE events SET ${change} WHERE seq = 3`));
    assert.equal(fault?.seq, 3, change);
    assert.match(fault.why, /was edited/);
  }
});

test('a record that was taken out, or put in, is found', () => {
  const removed = afterwards((database) => database.exec('DELETE FROM events WHERE seq = 4'));
  const closed = afterwards((database) =>
    database.exec('DELETE FROM events WHERE seq = 4; UPDATE events SET seq = seq - 1 WHERE seq > 4'),
  );
  const inserted = afterwards((database) =>
    database.exec(
      `UPDATE events SET seq = -seq WHERE seq > 3; UPDATE events SET seq = 1 - seq WHERE seq < 0;
       INSERT INTO events (seq, ${COLUMNS}) SELECT 4, ${COLUMNS} FROM events WHERE seq = 2`,
    ),
  );
  const appended = afterwards((database) =>
    database.exec(`INSERT INTO events (seq, ${COLUMNS}) SELECT 7, ${COLUMNS} FROM events WHERE seq = 6`),
  );

  assert.deepEqual([removed?.seq, closed?.seq, inserted?.seq, appended?.seq], [4, 4, 4, 7]);
});

test('records cut off at the end are missed, also when others have come since', () => {
  assert.deepEqual(afterwards(cut), { seq: 6, why: 'the tail is cut: the chain went on to event 6' });
  assert.deepEqual(afterwards(cut, { more: 3 }), {
    seq: 6,
    why: 'the tail is cut: the chain went on to event 6',
  });
});

test('an end that was signed by somebody else, taken away, or put back with its records is found', () => {
  const edited = afterwards((database) => {
    cut(database);
    const { seq, mac: last } = database
      .prepare('SELECT seq, mac FROM events WHERE seq = 5')
      .get() as ChainHead;
    database
      .prepare('UPDATE head SET seq = ?, mac = ?, signature = ?')
      .run(seq, last, mac(['head', seq, last]));
  });
  const gone = afterwards((database) => database.exec('DELETE FROM events WHERE seq = 6; DELETE FROM head'));

  assert.match(edited?.why ?? '', /the end of the chain is not signed by its key/);
  assert.match(gone?.why ?? '', /its signed end is gone/);
});

/** What stood in the file when event 5 was the last. */
function older(database: DatabaseSync): void {
  cut(database);
  const { seq, mac: last } = database.prepare('SELECT seq, mac FROM events WHERE seq = 5').get() as ChainHead;
  const key = Buffer.from(
    readFileSync(join(dirname(String(database.location())), 'keys', 'journal.key'), 'utf8').trim(),
    'hex',
  );
  database
    .prepare('UPDATE head SET seq = ?, mac = ?, signature = ?')
    .run(seq, last, signHead(key, { seq, mac: last }).signature);
}

test('a whole older copy of the file is found by whoever kept a later head, and by nobody else', () => {
  assert.equal(afterwards(older), null);
  assert.match(
    afterwards(older, { announced: (head) => head })?.why ?? '',
    /the tail is cut: event 6 was announced/,
  );
});

test('a chain that was computed anew without the key does not fit it', () => {
  const fault = afterwards((database) => {
    database.exec("UPDATE events SET actor = 'bob' WHERE seq = 5");
    recompute(database, false);
  });

  assert.equal(fault?.seq, 1);
  assert.throws(() => afterwards((database) => recompute(database, true)), { code: 'JOURNAL_KEY' });
});

test('a state, or a command that waits, of which one letter is another is refused, and nothing is believed', () => {
  for (const damage of [
    `UPDATE aggregates SET state = replace(state, '"ana"', '"ane"')`,
    'UPDATE aggregates SET revision = revision + 1',
    "UPDATE aggregates SET aggregate = 'blog'",
    `UPDATE commands SET command = replace(command, 'blue', 'glue')`,
    "UPDATE commands SET aggregate = 'blog'",
    "UPDATE aggregates SET mac = ''",
  ]) {
    const dir = mkdtempSync(join(tmpdir(), 'bascule-tamper-'));
    try {
      commitOne(dir);
      const database = new DatabaseSync(join(dir, 'journal.db'));
      database.exec(damage);
      database.close();
      assert.throws(() => openIn(dir), { code: 'JOURNAL_CORRUPT', message: /MAC does not fit/ }, damage);
    } finally {
      rmSync(dir, { recursive: true });
    }
  }
});

test('a journal from before states were signed is signed when it is opened', () => {
  const dir = mkdtempSync(join(tmpdir(), 'bascule-tamper-'));
  try {
    commitOne(dir);
    const database = new DatabaseSync(join(dir, 'journal.db'));
    database.exec(
      'DROP TABLE head; ALTER TABLE aggregates DROP COLUMN mac; ALTER TABLE commands DROP COLUMN mac; PRAGMA user_version = 1',
    );
    database.close();
    const again = openIn(dir);
    const [shop] = again.load();
    again.close();
    assert.deepEqual([shop?.state, shop?.pending.length], [{ lockedBy: 'ana' }, 1]);
  } finally {
    rmSync(dir, { recursive: true });
  }
});

function commitOne(dir: string): void {
  const journal = openIn(dir);
  journal.commit({
    aggregate: 'shop',
    expectedRevision: 0,
    atMs: 1000,
    actor: 'ana',
    rollout: null,
    kind: 'lock',
    event: {},
    state: { lockedBy: 'ana' },
    commands: [{ id: 'shop/1', command: { kind: 'stopSlot', slot: 'blue' } }],
    finished: [],
    documents: [],
  });
  journal.close();
}
