import assert from 'node:assert/strict';
import {
  createWriteStream,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { test, type TestContext } from 'node:test';
import { entry } from '../journal/conformance.ts';
import type { SqliteJournal } from '../journal/sqlite/journal.ts';
import { openSqliteJournal } from '../journal/sqlite/open.ts';
import { systemClock } from '../lib/clock.ts';
import { systemRandom } from '../lib/random.ts';
import { backups } from './make.ts';
import { restore } from './restore.ts';

const DIGEST = 'a'.repeat(64);

type Place = { readonly dir: string; readonly state: string; readonly file: string; readonly key: string };

function place(t: TestContext): Place {
  const dir = mkdtempSync(join(tmpdir(), 'bascule-backup-'));
  t.after(() => rmSync(dir, { recursive: true }));
  const state = join(dir, 'state');
  mkdirSync(state);
  return { dir, state, file: join(dir, 'backup.tar'), key: join(state, 'keys', 'journal.key') };
}

function open(dir: string): SqliteJournal {
  const keyFile = join(dir, 'keys', 'journal.key');
  return openSqliteJournal({ dir, keyFile, maxBytes: null, clock: systemClock, random: systemRandom });
}

/** A journal of three events with an artifact beside it, and its backup. The journal stays open. */
async function backedUp({ state, file }: Place): Promise<SqliteJournal> {
  mkdirSync(join(state, 'artifacts'));
  writeFileSync(join(state, 'artifacts', DIGEST), 'x'.repeat(3_000_000));
  const journal = open(state);
  for (let n = 0; n < 3; n += 1) journal.commit(entry({ aggregate: 'shop', expectedRevision: n }));
  const begin = backups({ stateDir: state, journal, version: '1.2.3', nowMs: () => 1_700_000_000_000 });
  const stream = begin();
  assert.throws(begin, { code: 'BACKUP_UNDER_WAY' });
  journal.commit(entry({ aggregate: 'shop', expectedRevision: 3 }));
  rmSync(join(state, 'artifacts', DIGEST));
  await pipeline(stream, createWriteStream(file));
  return journal;
}

test('a backup of a journal in use comes back as it was, artifacts included, whatever happened meanwhile', async (t) => {
  const at = place(t);
  const journal = await backedUp(at);
  journal.close();
  const fresh = join(at.dir, 'fresh');

  const restored = await restore({ stateDir: fresh, file: at.file, keyFile: at.key, force: false });

  assert.deepEqual([restored.services, restored.chain.seq, restored.aside], [['shop'], 3, null]);
  assert.equal(readFileSync(join(fresh, 'artifacts', DIGEST)).length, 3_000_000);
  const again = open(fresh);
  assert.deepEqual([again.head().seq, again.verify()], [3, null]);
  again.close();
  assert.deepEqual(
    readdirSync(fresh).filter((name) => name.startsWith('restoring')),
    [],
  );
  assert.ok(!existsSync(join(at.state, 'journal.backup')));
});

test('the key is not in the backup, and without it nothing is restored', async (t) => {
  const at = place(t);
  (await backedUp(at)).close();
  const key = readFileSync(at.key, 'utf8').trim();
  assert.ok(!readFileSync(at.file).includes(key));
  const fresh = join(at.dir, 'fresh');

  await assert.rejects(restore({ stateDir: fresh, file: at.file, keyFile: null, force: false }), {
    code: 'JOURNAL_KEY',
    message: /Name your copy of the key with --key/,
  });
  writeFileSync(join(at.dir, 'other.key'), `${'0'.repeat(64)}\n`);
  const other = { stateDir: fresh, file: at.file, keyFile: join(at.dir, 'other.key'), force: false };
  await assert.rejects(restore(other), { code: 'JOURNAL_KEY' });

  assert.deepEqual(readdirSync(fresh), []);
});

test('a restore refuses a journal in use, and one that is there; with force that is put aside', async (t) => {
  const at = place(t);
  const journal = await backedUp(at);
  const request = { stateDir: at.state, file: at.file, keyFile: null, force: false };
  await assert.rejects(restore({ ...request, force: true }), { code: 'JOURNAL_HELD' });
  journal.commit(entry({ aggregate: 'shop', expectedRevision: 4 }));
  journal.close();
  await assert.rejects(restore(request), { code: 'STATE_EXISTS' });

  const { aside } = await restore({ ...request, force: true });

  const now = open(at.state);
  assert.equal(now.head().seq, 3);
  now.close();
  assert.ok(existsSync(join(aside!, 'journal.db')));
});

const damages: Readonly<Record<string, (file: string) => void>> = {
  'cut off': (file) => truncateSync(file, 1_000_000),
  'cut off before its manifest': (file) => truncateSync(file, readFileSync(file).length - 3000),
  'changed in an artifact': (file) => writeFileSync(file, readFileSync(file).fill('y', 2_000_000, 2_000_001)),
  'changed in the journal': (file) => writeFileSync(file, readFileSync(file).fill('y', 9000, 9001)),
  'something else': (file) => writeFileSync(file, 'no tar at all'.repeat(1000)),
  empty: (file) => truncateSync(file, 0),
};
for (const [what, damage] of Object.entries(damages)) {
  test(`a backup that is ${what} is refused, and nothing is changed`, async (t) => {
    const at = place(t);
    (await backedUp(at)).close();
    damage(at.file);
    const fresh = join(at.dir, 'fresh');

    await assert.rejects(restore({ stateDir: fresh, file: at.file, keyFile: at.key, force: false }), {
      code: 'BACKUP_INVALID',
    });

    assert.deepEqual(readdirSync(fresh), []);
  });
}
