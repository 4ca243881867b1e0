import assert from 'node:assert/strict';
import { test } from 'node:test';
import { EntryGuard, type RawEntry } from './entry.ts';

function file(name: string): RawEntry {
  return { name, type: 'file', mode: 0o644, linkname: null };
}
function symlink(name: string, linkname: string): RawEntry {
  return { name, type: 'symlink', mode: 0o777, linkname };
}
function link(name: string, linkname: string): RawEntry {
  return { name, type: 'link', mode: 0o644, linkname };
}

const REFUSED: readonly (readonly [string, readonly RawEntry[], RegExp])[] = [
  ['an absolute path', [file('/etc/passwd')], /absolute path/],
  ['a path that climbs out', [file('../x')], /"\.\."/],
  ['a path that climbs in the middle', [file('a/../../x')], /"\.\."/],
  ['a NUL in a path', [file('a\0b')], /NUL/],
  ['a file without a name', [file('./')], /no name/],
  ['an absolute link', [symlink('a', '/etc/passwd')], /outside/],
  ['a link that climbs out', [symlink('a', '../x')], /outside/],
  ['a deep link that climbs out', [symlink('a/b/c', '../../../x')], /outside/],
  [
    'a link that climbs after going down',
    [symlink('deep/q', '..'), symlink('evil', 'deep/q/../x')],
    /only come first/,
  ],
  ['an empty link', [symlink('a', '')], /nothing/],
  ['a file below a link', [symlink('a', 'b'), file('a/x')], /below the symlink a/],
  ['a link below a link', [symlink('a/b/s', '../..'), symlink('a/b/s/l', '../../../x')], /below the symlink/],
  ['a directory over a link', [symlink('a', 'b'), { ...file('a'), type: 'directory' }], /twice/],
  ['a link over a directory with files', [file('a/x'), symlink('a', 'b')], /twice/],
  ['a file below a file', [file('a'), file('a/x')], /below the file a/],
  ['the same file twice', [file('a'), file('./a')], /twice/],
  ['a hard link to the outside', [link('a', '../x')], /"\.\."/],
  ['a hard link to an absolute path', [link('a', '/etc/shadow')], /absolute/],
  ['a hard link to a symbolic one', [symlink('a', 'b'), link('c', 'a')], /no file before it/],
  ['a hard link to what comes later', [link('a', 'b'), file('b')], /no file before it/],
  ['a device', [{ ...file('a'), type: 'block-device' }], /block-device/],
  ['a FIFO', [{ ...file('a'), type: 'fifo' }], /fifo/],
  ['an unknown kind', [{ ...file('a'), type: null }], /unknown kind/],
];

for (const [what, entries, why] of REFUSED) {
  test(`refuses ${what}`, () => {
    const guard = new EntryGuard();

    assert.throws(
      () => entries.forEach((entry) => guard.check(entry)),
      (error: Error & { code?: string }) => error.code === 'ARTIFACT_UNSAFE' && why.test(error.message),
    );
  });
}

test('lets links that stay inside through', () => {
  const guard = new EntryGuard();
  guard.check(file('node_modules/pkg/bin.js'));

  assert.deepEqual(guard.check(symlink('node_modules/.bin/pkg', '../pkg/bin.js')), {
    kind: 'symlink',
    path: 'node_modules/.bin/pkg',
    target: '../pkg/bin.js',
  });
  assert.equal(guard.check(symlink('a/up', '..')).kind, 'symlink');
  assert.equal(guard.check(link('copy', './node_modules/pkg/bin.js')).kind, 'link');
});

test('takes setuid, setgid, sticky and the writing of others away', () => {
  const entry = new EntryGuard().check({ ...file('a'), mode: 0o7777 });

  assert.deepEqual(entry, { kind: 'file', path: 'a', mode: 0o755 });
});
