import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import {
  appendFileSync,
  chmodSync,
  createReadStream,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  renameSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { Readable } from 'node:stream';
import { test, type TestContext } from 'node:test';
import { createGunzip } from 'node:zlib';

import * as fc from 'fast-check';
import tar from 'tar-stream';

import { OperatingError } from '../lib/errors.ts';
import { entriesAt } from './pack-entries.ts';
import { findSource } from './pack-source.ts';
import { PACK_LIMITS, packSource, type Packed } from './pack.ts';

type Place = { readonly source: string; readonly out: string };

function place(t: TestContext): Place {
  const root = mkdtempSync(join(tmpdir(), 'bascule-pack-'));
  t.after(() => rmSync(root, { recursive: true, force: true }));
  const [source, out] = [join(root, 'app'), join(root, 'out')];
  mkdirSync(source);
  mkdirSync(out);
  return { source, out };
}

function put(source: string, files: Readonly<Record<string, string>>): void {
  for (const [path, content] of Object.entries(files)) {
    mkdirSync(dirname(join(source, path)), { recursive: true });
    writeFileSync(join(source, path), content);
  }
}

function git(directory: string, ...words: string[]): string {
  const who = [
    '-c',
    'user.name=ana',
    '-c',
    'user.email=ana@example.com',
    '-c',
    'commit.gpgsign=false',
    '-c',
    'init.defaultBranch=main',
  ];
  return execFileSync('git', ['-C', directory, ...who, ...words], {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'pipe'],
  });
}

function repository(source: string, files: Readonly<Record<string, string>>): void {
  put(source, files);
  git(source, 'init', '--quiet');
  git(source, 'add', '--all');
  git(source, 'commit', '--quiet', '-m', 'one');
}

async function pack(
  { source, out }: Place,
  from: string | null = null,
  limits = PACK_LIMITS,
): Promise<Packed> {
  return packSource(await findSource(from, source), { temporaryDirectory: out, limits });
}

/** `path mode content`, in the order of the artifact. */
async function contents(packed: Packed): Promise<readonly string[]> {
  const extract = createReadStream(packed.file).pipe(createGunzip()).pipe(tar.extract());
  const lines: string[] = [];
  for await (const entry of extract) {
    const { name, mode, linkname, uid, gid, mtime } = entry.header;
    const text = (await Readable.from(entry).toArray()).join('');
    assert.deepEqual([uid, gid, mtime?.getTime()], [0, 0, 0]);
    lines.push(`${name} ${(mode ?? 0).toString(8)} ${linkname ?? text}`);
    entry.resume();
  }
  return lines;
}

async function refusedAs(code: string, attempt: Promise<unknown>, out: string, words: RegExp): Promise<void> {
  await assert.rejects(attempt, (error) => {
    assert.ok(error instanceof OperatingError, String(error));
    assert.equal(error.code, code);
    assert.match(error.message, words);
    return true;
  });
  assert.deepEqual(readdirSync(out), [], 'nothing is left behind');
}

test('a plain directory: sorted by bytes, two modes, links and empty directories kept, nothing of .git or .bascule', async (t) => {
  const at = place(t);
  put(at.source, {
    'b.txt': 'b',
    'a/x': 'x',
    'a.txt': 'a',
    'bin/run': '#!',
    '.git/config': '',
    '.bascule/state': '',
    'é.txt': 'é',
    Z: '',
  });
  mkdirSync(join(at.source, 'log'));
  chmodSync(join(at.source, 'bin/run'), 0o700);
  chmodSync(join(at.source, 'b.txt'), 0o600);
  symlinkSync('../b.txt', join(at.source, 'a/link'));

  const packed = await pack(at);

  assert.deepEqual(await contents(packed), [
    'Z 644 ',
    'a.txt 644 a',
    'a/link 777 ../b.txt',
    'a/x 644 x',
    'b.txt 644 b',
    'bin/run 755 #!',
    'log/ 755 ',
    'é.txt 644 é',
  ]);
  assert.equal(packed.describe, null);
  assert.equal(packed.entries, 8);
});

test('the same content gives the same digest, whatever its times, owners’ bits, or place', async (t) => {
  const [one, two] = [place(t), place(t)];
  for (const { source } of [one, two])
    put(source, { 'b/c': 'c'.repeat(100_000), a: 'a', [`${'long/'.repeat(40)}name`]: 'x' });
  utimesSync(join(two.source, 'a'), 1, 1);
  chmodSync(join(two.source, 'a'), 0o666);

  const digests = [await pack(one), await pack(one), await pack(two)].map(
    ({ digest, bytes }) => `${digest} ${bytes}`,
  );

  assert.equal(new Set(digests).size, 1);
  appendFileSync(join(two.source, 'a'), '!');
  assert.notEqual((await pack(two)).digest, (await pack(one)).digest);
});

test('a work tree: tracked and new files, without what .gitignore and .basculeignore leave out', async (t) => {
  const at = place(t);
  repository(at.source, {
    '.gitignore': 'node_modules/\n',
    '.basculeignore': 'docs/\n!docs/keep\n*.md\n!README.md\n',
    'app.js': '1',
    'docs/a': '',
    'docs/keep': '',
    'README.md': '',
    'old.md': '',
    gone: '',
  });
  put(at.source, { 'node_modules/x': 'x', new: 'n' });
  rmSync(join(at.source, 'gone'));

  const names = (await contents(await pack(at))).map((line) => line.split(' ')[0]);

  assert.deepEqual(names, ['.basculeignore', '.gitignore', 'README.md', 'app.js', 'new']);
});

test('a clean work tree and its commit give one digest; the label says whether there are changes', async (t) => {
  const at = place(t);
  repository(at.source, { 'a.txt': 'a', 'a/x': 'x', 'b/run.sh': '#!' });
  chmodSync(join(at.source, 'b/run.sh'), 0o755);
  symlinkSync('a.txt', join(at.source, 'link'));
  git(at.source, 'add', '--all');
  git(at.source, 'commit', '--quiet', '-m', 'two');
  git(at.source, 'tag', 'v1.0');

  const [tree, commit] = [await pack(at), await pack(at, 'v1.0')];
  put(at.source, { new: 'not known to git yet' });
  const changed = await pack(at);

  assert.equal(tree.digest, commit.digest);
  assert.deepEqual([tree.describe, commit.describe, changed.describe], ['v1.0', 'v1.0', 'v1.0-dirty']);
  assert.deepEqual(await contents(commit), await contents(tree));
});

test('a directory that git ignores as a whole, such as build output, is packed as it is', async (t) => {
  const at = place(t);
  repository(at.source, { '.gitignore': 'dist/\n', 'src.js': '' });
  put(at.source, { 'dist/app.js': '1' });

  assert.deepEqual(await contents(await pack(at, 'dist')), ['app.js 644 1']);
});

test('a subdirectory of a work tree, and of a commit, is packed from there', async (t) => {
  const at = place(t);
  repository(at.source, { 'shop/a': '1', 'other/b': '2' });
  const shop = { source: join(at.source, 'shop'), out: at.out };

  assert.deepEqual(await contents(await pack(shop)), ['a 644 1']);
  assert.deepEqual(await contents(await pack(shop, 'HEAD')), ['a 644 1']);
});

test('the environment of a git hook does not lead to another repository', async (t) => {
  const at = place(t);
  repository(at.source, { a: '1' });
  process.env.GIT_DIR = '/nonexistent';
  t.after(() => delete process.env.GIT_DIR);

  assert.equal((await pack(at)).entries, 1);
});

const LINKS: readonly (readonly [string, string])[] = [
  ['absolute', '/etc/passwd'],
  ['up and out', '../../x'],
  ['out through a name', 'b/../../../x'],
  ['up after a name, even if it stays', 'b/../c'],
];

for (const [name, target] of LINKS) {
  test(`a link that leads ${name} is refused`, async (t) => {
    const at = place(t);
    put(at.source, { 'a/x': '' });
    symlinkSync(target, join(at.source, 'a/link'));

    await refusedAs('PACK_UNSAFE', pack(at), at.out, /a\/link/);
  });
}

test('a repository within the repository is refused rather than left out', async (t) => {
  const at = place(t);
  repository(at.source, { a: '' });
  mkdirSync(join(at.source, 'inner'));
  repository(join(at.source, 'inner'), { b: '' });

  await refusedAs('PACK_UNSAFE', pack(at), at.out, /inner/);
});

test('limits on files and bytes name what is large', async (t) => {
  const at = place(t);
  put(at.source, { a: 'x'.repeat(10), 'data/dump.sql': 'x'.repeat(3000), c: '' });

  await refusedAs('PACK_TOO_LARGE', pack(at, null, { maxEntries: 10, maxBytes: 2000 }), at.out, /dump\.sql/);
  await refusedAs('PACK_TOO_LARGE', pack(at, null, { maxEntries: 2, maxBytes: 1e9 }), at.out, /2 files/);
  repository(at.source, {});
  await refusedAs(
    'PACK_TOO_LARGE',
    pack(at, 'HEAD', { maxEntries: 10, maxBytes: 2000 }),
    at.out,
    /dump\.sql/,
  );
});

test('what is neither a directory nor a commit is refused, options of git included', async (t) => {
  const at = place(t);
  await refusedAs('PACK_SOURCE_MISSING', pack(at, 'v9'), at.out, /"v9"/);
  await refusedAs('PACK_SOURCE_MISSING', pack(at), at.out, /holds no files/);
  repository(at.source, { a: '' });
  await refusedAs('PACK_SOURCE_MISSING', pack(at, '--help'), at.out, /--help/);
});

test('a file that changes between listing and reading is refused', async (t) => {
  const at = place(t);
  put(at.source, { a: 'before' });
  const { entries } = await entriesAt(at.source, ['a']);
  appendFileSync(join(at.source, 'a'), ' and after');
  const [entry] = entries;
  assert.ok(entry?.kind === 'file');

  await refusedAs('PACK_CHANGED', Readable.from(entry.read()).toArray(), at.out, /a changed/);
  renameSync(join(at.source, 'a'), join(at.source, 'b'));
  symlinkSync('b', join(at.source, 'a'));
  await refusedAs('PACK_CHANGED', Readable.from(entry.read()).toArray(), at.out, /a changed/);
});

test('a place that cannot be written to fails at once', async (t) => {
  const at = place(t);
  put(at.source, { a: 'x'.repeat(2_000_000), b: '' });

  await assert.rejects(pack({ source: at.source, out: join(at.out, 'none') }), /ENOENT/);
});

test('sockets are left out, and named', async (t) => {
  const at = place(t);
  put(at.source, { a: '' });
  const server = createServer().listen(join(at.source, 'app.sock'));
  await new Promise((resolve) => server.once('listening', resolve));
  t.after(() => server.close());

  assert.deepEqual((await pack(at)).skipped, ['app.sock']);
});

test('whatever the files, they come out as they went in', async (t) => {
  const at = place(t);
  const name = fc.stringMatching(/^[a-c]{1,3}$/);
  const path = fc.array(name, { minLength: 1, maxLength: 3 }).map((parts) => `${parts.join('_/')}.f`);
  const files = fc.dictionary(path, fc.string({ unit: 'binary', maxLength: 2000 }), {
    minKeys: 1,
    maxKeys: 5,
  });
  await fc.assert(
    fc.asyncProperty(files, async (files) => {
      rmSync(at.source, { recursive: true });
      mkdirSync(at.source);
      const wellFormed = Object.fromEntries(
        Object.entries(files).map(([path, text]) => [path, text.toWellFormed()]),
      );
      put(at.source, wellFormed);

      const lines = await contents(await pack(at));

      assert.deepEqual(
        lines,
        Object.entries(wellFormed)
          .map(([path, text]) => `${path} 644 ${text}`)
          .toSorted((a, b) => Buffer.compare(Buffer.from(a.split(' ')[0]!), Buffer.from(b.split(' ')[0]!))),
      );
    }),
    { numRuns: 40 },
  );
});
