import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  existsSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { describe, test } from 'node:test';
import { systemClock } from '../../lib/clock.ts';
import { OperatingError } from '../../lib/errors.ts';
import { systemRandom } from '../../lib/random.ts';
import { verifyAgainst } from '../chain.ts';
import { entry } from '../conformance.ts';
import type { Journal } from '../journal.ts';
import { openSqliteJournal } from './open.ts';

const HOLDER = join(import.meta.dirname, '../../../test/fixtures/committing-child.ts');

describe('opening the journal in SQLite', () => {
  test('the files are for this user alone and the key may not be written', () => {
    withDir((dir) => {
      openIn(dir).close();

      assert.equal(statSync(join(dir, 'journal.db')).mode & 0o777, 0o600);
      assert.equal(statSync(keyOf(dir)).mode & 0o777, 0o400);
      assert.match(readFileSync(keyOf(dir), 'utf8'), /^[0-9a-f]{64}\n$/);
    });
  });

  test('two journals have different keys, so neither passes for the other', () => {
    withDir((dir) => {
      openIn(dir).close();
      withDir((other) => {
        openIn(other).close();
        renameSync(keyOf(other), keyOf(dir));

        refuses(dir, 'JOURNAL_KEY', /not signed by the key/);
      });
    });
  });

  test('a second opener in the same process is told who holds it, and the first goes on', () => {
    withDir((dir) => {
      const journal = openIn(dir);

      refuses(dir, 'JOURNAL_HELD', new RegExp(`process ${process.pid}, since 20`));

      journal.commit(entry({}));
      refuses(dir, 'JOURNAL_HELD', /in use/);
      journal.close();
      const next = openIn(dir);
      assert.equal(next.head().seq, 1);
      next.close();
    });
  });

  test(
    'a second process is refused at once with the holder, until kill -9 frees the lease',
    { timeout: 20_000 },
    async () => {
      await withDir(async (dir) => {
        const child = spawn(process.execPath, [HOLDER, dir], { stdio: ['pipe', 'pipe', 'inherit'] });
        const gone = once(child, 'exit');
        try {
          await Promise.race([once(child.stdout, 'data'), gone]);
          child.stdout.resume();
          const startMs = performance.now();
          refuses(dir, 'JOURNAL_HELD', new RegExp(`process ${child.pid}, since 20`));
          assert.ok(performance.now() - startMs < 400, `took ${performance.now() - startMs} ms`);
        } finally {
          child.kill('SIGKILL');
          await gone;
        }

        assert.ok(existsSync(join(dir, 'journal.holder')));
        const journal = openIn(dir);
        assert.ok(journal.head().seq > 0);
        journal.close();
      });
    },
  );

  test('a newer file is refused and stays as it is', () => {
    withDir((dir) => {
      openIn(dir).close();
      alter(dir, 'PRAGMA user_version = 7');
      const before = readFileSync(fileOf(dir));

      refuses(dir, 'JOURNAL_NEWER', /format 7; this one knows 3/);

      assert.deepEqual(readFileSync(fileOf(dir)), before);
    });
  });

  test("another program's database is refused and stays as it is", () => {
    withDir((dir) => {
      alter(dir, 'CREATE TABLE songs (title TEXT)');
      const before = readFileSync(fileOf(dir));

      refuses(dir, 'JOURNAL_CORRUPT', /database of another program/);

      assert.deepEqual(readFileSync(fileOf(dir)), before);
      assert.ok(!existsSync(keyOf(dir)));
    });
  });

  test('a file that is no database is refused and stays as it is', () => {
    withDir((dir) => {
      writeFileSync(fileOf(dir), 'not a database\n'.repeat(1000));

      refuses(dir, 'JOURNAL_CORRUPT', /file is not a database/);

      assert.equal(readFileSync(fileOf(dir), 'utf8'), 'not a database\n'.repeat(1000));
    });
  });

  const damages: Readonly<Record<string, (file: string) => void>> = {
    'cut in half': (file) => truncateSync(file, statSync(file).size / 2),
    'cut to its first bytes': (file) => truncateSync(file, 60),
    'zeroed in the middle': (file) => {
      const bytes = readFileSync(file);
      writeFileSync(file, bytes.fill(0, 8192, 16_384));
    },
    emptied: (file) => truncateSync(file, 0),
    deleted: (file) => rmSync(file),
  };
  for (const [name, damage] of Object.entries(damages)) {
    test(`a journal that was ${name} is refused, never taken for a new one`, () => {
      withDir((dir) => {
        const journal = openIn(dir);
        for (let n = 0; n < 20; n++) journal.commit(entry({ expectedRevision: n, event: 'x'.repeat(1000) }));
        journal.close();
        damage(fileOf(dir));

        refuses(dir, 'JOURNAL_CORRUPT', /move the directory away to begin anew/);
        refuses(dir, 'JOURNAL_CORRUPT', /Nothing was changed/);
      });
    });
  }

  test('a journal whose key is missing is refused; with the key back it opens', () => {
    withDir((dir) => {
      openIn(dir).close();
      renameSync(keyOf(dir), join(dir, 'elsewhere'));

      refuses(dir, 'JOURNAL_KEY', /journal\.key, which signs it, is missing.*Put the key back/);

      assert.ok(!existsSync(keyOf(dir)));
      renameSync(join(dir, 'elsewhere'), keyOf(dir));
      openIn(dir).close();
    });
  });

  test('a file that is not a key is refused', () => {
    withDir((dir) => {
      openIn(dir).close();
      rmSync(keyOf(dir));
      writeFileSync(keyOf(dir), 'abc\n');

      refuses(dir, 'JOURNAL_KEY', /does not hold a key/);
    });
  });

  test('a kill while the first start makes key and journal leaves a state that opens', () => {
    withDir((dir) => {
      openIn(dir).close();
      renameSync(keyOf(dir), `${keyOf(dir)}.new`);
      openIn(dir).close();
      assert.ok(existsSync(keyOf(dir)));

      rmSync(fileOf(dir));
      renameSync(keyOf(dir), `${keyOf(dir)}.new`);
      const journal = openIn(dir);
      journal.commit(entry({}));
      assert.equal(journal.verify(), null);
      journal.close();
    });
  });

  test('a directory that cannot be made is an operating error with the path', () => {
    withDir((dir) => {
      writeFileSync(join(dir, 'file'), '');
      refuses(join(dir, 'file', 'state'), 'JOURNAL_FAILED', /ENOTDIR/);
    });
  });

  test('a write-ahead log that lost its end costs the last commits, and the announced head shows it', () => {
    withDir((dir) => {
      const child = openIn(dir);
      for (let n = 0; n < 5; n++) child.commit(entry({ expectedRevision: n }));
      const announced = child.head();
      const copy = join(dir, 'copy');
      openIn(copy).close();
      for (const name of ['journal.db', 'journal.db-wal', 'keys/journal.key']) copyInto(dir, copy, name);
      child.close();
      const log = join(copy, 'journal.db-wal');
      truncateSync(log, statSync(log).size - 100);

      const journal = openIn(copy);

      assert.equal(journal.head().seq, 4);
      assert.equal(journal.verify(), null);
      assert.match(verifyAgainst(journal, announced)?.why ?? '', /tail is cut: event 5/);
      journal.close();
    });
  });
});

function copyInto(from: string, to: string, name: string): void {
  // In another process: closing a descriptor of the open database here would drop its lock.
  rmSync(join(to, name), { force: true });
  execFileSync('cp', [join(from, name), join(to, name)]);
}

function openIn(dir: string): Journal {
  return openSqliteJournal({
    dir,
    keyFile: keyOf(dir),
    maxBytes: null,
    clock: systemClock,
    random: systemRandom,
  });
}

function refuses(dir: string, code: string, message: RegExp): void {
  assert.throws(
    () => openIn(dir),
    (error) => {
      assert.ok(error instanceof OperatingError, String(error));
      assert.equal(error.code, code, error.message);
      assert.match(error.message, message);
      return true;
    },
  );
}

function alter(dir: string, sql: string): void {
  const database = new DatabaseSync(fileOf(dir));
  database.exec(sql);
  database.close();
}

function fileOf(dir: string): string {
  return join(dir, 'journal.db');
}

function keyOf(dir: string): string {
  return join(dir, 'keys', 'journal.key');
}

function withDir<T>(work: (dir: string) => T): T {
  const dir = mkdtempSync(join(tmpdir(), 'bascule-journal-'));
  const result = work(dir);
  const remove = (): void => rmSync(dir, { recursive: true });
  if (result instanceof Promise) return result.finally(remove) as T;
  remove();
  return result;
}
