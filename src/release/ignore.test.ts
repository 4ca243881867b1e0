import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';

import * as fc from 'fast-check';

import { parseIgnore } from './ignore.ts';

/** The rules are git's, so git itself is asked. */
let repository = '';

before(() => {
  repository = mkdtempSync(join(tmpdir(), 'bascule-ignore-'));
  execFileSync('git', ['init', '--quiet', repository]);
});

after(() => rmSync(repository, { recursive: true }));

/** The paths of files that git leaves out. */
function gitIgnored(text: string, paths: readonly string[]): readonly string[] {
  writeFileSync(join(repository, '.gitignore'), text);
  const options = { cwd: repository, input: paths.join('\0'), encoding: 'utf8' } as const;
  const { stdout, status, stderr } = spawnSync(
    'git',
    ['check-ignore', '--no-index', '-z', '--stdin'],
    options,
  );
  assert.ok(status === 0 || status === 1, stderr);
  return stdout.split('\0').filter((path) => path !== '');
}

function ignored(text: string, paths: readonly string[]): readonly string[] {
  const ignore = parseIgnore(text);
  return paths.filter((path) => ignore(path, false));
}

const PATHS = [
  'a',
  'b',
  'a/b',
  'a/a',
  'a/b/a',
  'a/b/c.log',
  'b/a/c.log',
  'c.log',
  '.env',
  'a b',
  'a*b',
  '#a',
  '!a',
  'ab',
  'a/ab/b',
  'x[1]',
  'build/x',
  'src/build/x',
];

const FILES = [
  '',
  '# a\n\n   \n',
  'a',
  '/a',
  'a/',
  '*.log',
  '*.log\n!c.log',
  'a/\n!a/b',
  'a/*\n!a/b',
  'a/**',
  '**/a',
  'a/**/a',
  'a/**/c.log',
  '**/b/**',
  'b/a',
  '/*\n!/b',
  '\\#a\n\\!a',
  'a\\*b',
  'a b',
  'a \n',
  '?',
  '[ab]',
  '[!a]',
  '[^a-b]',
  'x\\[1\\]',
  'x[[]1]',
  '.*\n',
  'build/\r\n',
  '/build',
  '[',
  'a[',
  '**',
  '!a',
  '[[:alpha:]]',
  '[b-a]',
];

for (const text of FILES) {
  test(`${JSON.stringify(text)} leaves out what git leaves out`, () => {
    assert.deepEqual(ignored(text, PATHS), gitIgnored(text, PATHS));
  });
}

test('whatever the lines, the same paths are left out as by git', () => {
  const name = fc.string({
    unit: fc.constantFrom('a', 'b', '*', '?', '.', '/', '**', '!', '/**', '**/', '[ab]', '[!a]'),
    maxLength: 5,
  });
  const line = name.map((text) => text.replaceAll(/\/{2,}/g, '/')).filter(isPlain);
  const lines = fc.array(line, { minLength: 1, maxLength: 4 });
  fc.assert(
    fc.property(lines, (lines) => {
      const text = lines.join('\n');

      assert.deepEqual(ignored(text, PATHS), gitIgnored(text, PATHS));
    }),
    { numRuns: 150 },
  );
});

/** Where ** is only part of a name, git (2.39) takes it for whole names after a literal beginning: a**\/b matches a/x/b. */
function isPlain(text: string): boolean {
  return text.split('/').every((part) => part === '**' || !part.includes('**'));
}
