import assert from 'node:assert/strict';
import { DatabaseSync } from 'node:sqlite';
import { test } from 'node:test';
import { migrate, readPragma } from './migrate.ts';

const steps = [
  (database: DatabaseSync) => database.exec("CREATE TABLE t (a TEXT); INSERT INTO t VALUES ('kept')"),
  (database: DatabaseSync) => database.exec('ALTER TABLE t ADD COLUMN b INTEGER NOT NULL DEFAULT 7'),
];

const failing = (database: DatabaseSync) => database.exec('CREATE TABLE u (a); SELECT * FROM nowhere');

test('an older file is brought forward with what it holds, and only once', () => {
  const database = new DatabaseSync(':memory:');
  migrate(database, steps.slice(0, 1));

  assert.equal(migrate(database, steps), 'current');
  assert.equal(migrate(database, steps), 'current');

  assert.deepEqual({ ...database.prepare('SELECT a, b FROM t').get() }, { a: 'kept', b: 7 });
  assert.equal(readPragma(database, 'user_version'), 2);
  database.close();
});

test('a step that fails leaves the version before it', () => {
  const database = new DatabaseSync(':memory:');

  assert.throws(() => migrate(database, [...steps, failing]), /nowhere/);

  assert.equal(readPragma(database, 'user_version'), 2);
  assert.equal(database.prepare("SELECT 1 FROM sqlite_schema WHERE name = 'u'").get(), undefined);
  database.close();
});

test('a newer file is left alone', () => {
  const database = new DatabaseSync(':memory:');
  migrate(database, steps);

  assert.equal(migrate(database, steps.slice(0, 1)), 'newer');

  assert.equal(readPragma(database, 'user_version'), 2);
  database.close();
});
