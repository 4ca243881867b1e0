import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { withErrorPages } from './door-pages.ts';
import type { Door } from './router.ts';

const directory = mkdtempSync(join(tmpdir(), 'bascule-pages-'));
after(() => rmSync(directory, { recursive: true }));

function doorWith(errorPages: Readonly<Record<string, readonly string[]>>): Door {
  return { service: 'shop', spec: { proxy: { kind: 'builtin', errorPages } } } as unknown as Door;
}

function file(name: string, content: string | Buffer): string {
  const path = join(directory, name);
  writeFileSync(path, content);
  return path;
}

test('a door gets the texts of its pages, by status and kind', async () => {
  const door = doorWith({
    503: [file('busy.html', '<p>büsy'), file('busy.json', '{}')],
    default: [file('e.txt', 'e')],
  });

  assert.deepEqual((await withErrorPages(door)).errorPages, {
    503: { html: '<p>büsy', json: '{}' },
    default: { txt: 'e' },
  });
});

test('a door without pages is as it was', async () => {
  const door = { service: 'shop', spec: { proxy: { kind: 'nginx' } } } as unknown as Door;

  assert.equal(await withErrorPages(door), door);
});

test('a page that cannot be used is named with the reason', async () => {
  mkdirSync(join(directory, 'folder.html'));
  for (const [path, why] of [
    [join(directory, 'none.html'), /ENOENT/],
    [join(directory, 'folder.html'), /no plain file/],
    [file('large.html', 'x'.repeat(65_537)), /above 64 KiB/],
    [file('binary.html', Buffer.from([0xff, 0xfe])), /no text in UTF-8/],
    [file('wrong.json', '{'), /no JSON/],
  ] as const) {
    await assert.rejects(withErrorPages(doorWith({ default: [path] })), (error: Error) => {
      assert.equal((error as Error & { code: string }).code, 'TRAFFIC_ERROR_PAGE_UNUSABLE');
      assert.ok(error.message.includes(path));
      assert.match(error.message, why);
      return true;
    });
  }
});

test('all pages of a service together are bounded', async () => {
  const files = ['403', '408', '413', '502', '503'].map(
    (status) => [status, [file(`${status}.html`, 'x'.repeat(65_000))]] as const,
  );

  await assert.rejects(withErrorPages(doorWith(Object.fromEntries(files))), /above 256 KiB/);
});
