import assert from 'node:assert/strict';
import { test } from 'node:test';
import { BodyCopies } from './body-copies.ts';

const READ = Buffer.alloc(65_536, 'a');

test('a copy holds its bytes until they are written, and its block is used again only then', () => {
  const copies = new BodyCopies();
  const first = copies.copy(READ);
  const second = copies.copy(Buffer.alloc(5000, 'b'));

  assert.ok(first.bytes.equals(READ));
  assert.ok(second.bytes.equals(Buffer.alloc(5000, 'b')));
  first.written!();
  const third = copies.copy(Buffer.alloc(40_000, 'c'));

  assert.equal(third.bytes.buffer, first.bytes.buffer);
  assert.equal(third.bytes.length, 40_000);
  assert.ok(second.bytes.equals(Buffer.alloc(5000, 'b')), 'not yet written');
});

test('what could not be written is not used again, since it may still be under way', () => {
  const copies = new BodyCopies();
  const broken = copies.copy(READ);

  broken.written!(new Error('the client left'));

  assert.notEqual(copies.copy(READ).bytes.buffer, broken.bytes.buffer);
});

test('a copy holds at most twice its bytes, however slow its client is', () => {
  const copies = new BodyCopies();
  for (const length of [5000, 8192, 8193, 20_000, 40_000, 65_536])
    assert.ok(copies.copy(Buffer.alloc(length)).bytes.buffer.byteLength <= 2 * length, `${length}`);
});

test('little ones are Node’s to keep', () => {
  const copies = new BodyCopies();
  const view = Buffer.from('a small body');
  const { bytes, written } = copies.copy(view);
  view.fill('x');

  assert.equal(bytes.toString(), 'a small body');
  assert.equal(written, undefined);
});
