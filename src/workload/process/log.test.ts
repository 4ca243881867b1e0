import assert from 'node:assert/strict';
import { appendFile, mkdtemp, readFile, readdir, rm, stat, truncate, utimes } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { test, type TestContext } from 'node:test';
import type { LogLine } from '../runtime.ts';
import { LogFiles, type LogPlace } from './log-files.ts';
import { testRelease } from './fixtures/runtime.ts';
import { readLogs, type LogTarget } from './log-reader.ts';

const PLACE: LogPlace = { service: 'shop', slot: 'blue', label: 'v1', replica: 0 };
const TARGET: LogTarget = { releaseId: 'shop/v1', label: 'v1', replica: 0 };

async function openFiles(t: TestContext, largestBytes = 1000): Promise<{ files: LogFiles; dir: string }> {
  const dir = await mkdtemp(join(tmpdir(), 'logs-'));
  t.after(() => rm(dir, { recursive: true }));
  return { files: new LogFiles(dir, largestBytes), dir };
}

async function openWriter(
  t: TestContext,
  files: LogFiles,
  place = PLACE,
): Promise<(text: string) => Promise<void>> {
  const file = await files.open(place, null);
  t.after(() => file.close());
  return async (text) => void (await file.write(text));
}

async function tail(files: LogFiles, count: number): Promise<string[]> {
  const options = { follow: false, tail: count, signal: new AbortController().signal };
  const lines: string[] = [];
  for await (const line of readLogs(files, PLACE, async () => [TARGET], options)) lines.push(line.text);
  return lines;
}

/** Reads on until `last` has come. */
async function followTo(lines: AsyncIterable<LogLine>, last: string): Promise<string[]> {
  const found: string[] = [];
  for await (const line of lines) {
    found.push(line.text);
    if (line.text === last) break;
  }
  return found;
}

function numbered(from: number, to: number): string[] {
  return Array.from({ length: to - from }, (_, n) => `line ${from + n}`);
}

test('the tail has the last lines, the unfinished one too', async (t) => {
  const { files } = await openFiles(t);
  const write = await openWriter(t, files);
  await write('a\nb\nc\nunfinished');

  assert.deepEqual(await tail(files, 2), ['b', 'c', 'unfinished']);
  assert.deepEqual(await tail(files, 0), ['unfinished']);
  assert.deepEqual(await tail(files, 100), ['a', 'b', 'c', 'unfinished']);
});

test('nothing was written, nothing is shown', async (t) => {
  const { files } = await openFiles(t);

  assert.deepEqual(await tail(files, 10), []);
});

test('a full file is put aside while its writer goes on, and no line is lost', async (t) => {
  const { files } = await openFiles(t);
  const write = await openWriter(t, files);
  const path = files.path(PLACE);
  for (const line of numbered(0, 200)) await write(`${line}\n`);

  await files.turnIfLarge(path);
  await write('after\n');

  assert.equal((await stat(path)).size, 'after\n'.length, 'the writer went on at the beginning');
  assert.equal(await readFile(`${path}.1`, 'utf8'), `${numbered(0, 200).join('\n')}\n`);
  assert.deepEqual(await tail(files, 1000), [...numbered(0, 200), 'after']);
  await files.turnIfLarge(path);
  assert.equal(files.turns(path), 1, 'a small file is left alone');
});

test('following sees every line once across several rotations', async (t) => {
  const { files } = await openFiles(t, 500);
  const write = await openWriter(t, files);
  await write('before\n');
  const end = new AbortController();
  t.after(() => end.abort());
  const options = { follow: true, tail: 10, signal: end.signal };
  const lines = readLogs(files, PLACE, async () => [TARGET], options)[Symbol.asyncIterator]();
  const found = [(await lines.next()).value!.text];

  for (let turn = 0; turn < 3; turn += 1) {
    const from = turn * 150;
    for (const line of numbered(from, from + 100)) await write(`${line}\n`);
    // Read a part, so that the rotation falls between two reads of the same file.
    for (let n = 0; n < 50; n += 1) found.push((await lines.next()).value!.text);
    await files.turnIfLarge(files.path(PLACE));
    for (const line of numbered(from + 100, from + 150)) await write(`${line}\n`);
    for (let n = 0; n < 100; n += 1) found.push((await lines.next()).value!.text);
  }

  assert.equal(files.turns(files.path(PLACE)), 3);
  assert.deepEqual(found, ['before', ...numbered(0, 450)]);
});

test('a reader that is too slow is told what it missed', async (t) => {
  const { files } = await openFiles(t);
  const write = await openWriter(t, files);
  await write('start\n');
  const end = new AbortController();
  t.after(() => end.abort());
  const lines = readLogs(files, PLACE, async () => [TARGET], { follow: true, tail: 10, signal: end.signal });
  const iterator = lines[Symbol.asyncIterator]();
  await iterator.next();
  for (let turn = 0; turn < 2; turn += 1) {
    await write(`${'x'.repeat(1200)}\n`);
    await files.turnIfLarge(files.path(PLACE));
  }
  await write('end\n');

  const found = await followTo({ [Symbol.asyncIterator]: () => iterator }, 'end');

  assert.ok(found.some((line) => line.includes('replaced before they could be read')));
});

test('following survives a program that cuts the file itself', { timeout: 10_000 }, async (t) => {
  const { files } = await openFiles(t);
  const write = await openWriter(t, files);
  await write('a long first line\n');
  const end = new AbortController();
  t.after(() => end.abort());
  const lines = readLogs(files, PLACE, async () => [TARGET], { follow: true, tail: 10, signal: end.signal });
  const iterator = lines[Symbol.asyncIterator]();
  await iterator.next();

  await truncate(files.path(PLACE));
  await write('new\n');

  assert.equal((await iterator.next()).value!.text, 'new');
});

test('following goes on with a new release in the slot, and ends with its signal', async (t) => {
  const { files } = await openFiles(t);
  const write = await openWriter(t, files);
  await write('one\n');
  const targets = [TARGET];
  const end = new AbortController();
  const lines = readLogs(files, PLACE, async () => targets, { follow: true, tail: 10, signal: end.signal });
  const iterator = lines[Symbol.asyncIterator]();
  assert.deepEqual((await iterator.next()).value, { replica: 0, releaseId: 'shop/v1', text: 'one' });

  const place = { ...PLACE, label: 'v2' };
  await (
    await openWriter(t, files, place)
  )('two\n');
  targets.push({ releaseId: 'shop/v2', label: 'v2', replica: 0 });

  assert.deepEqual((await iterator.next()).value, { replica: 0, releaseId: 'shop/v2', text: 'two' });
  const waiting = iterator.next();
  end.abort();
  assert.equal((await waiting).done, true);
});

test('output of old releases goes, the ten newest stay', async (t) => {
  const { files, dir } = await openFiles(t);
  for (let n = 0; n < 14; n += 1) {
    const path = files.path({ ...PLACE, label: `v${n}` });
    await (await files.open({ ...PLACE, label: `v${n}` }, null)).close();
    await appendFile(path, 'x');
    await utimes(path, n + 1, n + 1);
  }

  await files.prune('shop', 'blue', 'v0');

  const left = await readdir(join(dir, 'shop/blue'));
  assert.deepEqual(left.sort(), ['v0', 'v10', 'v11', 'v12', 'v13', 'v5', 'v6', 'v7', 'v8', 'v9'].sort());
  assert.ok(dirname(files.path(PLACE)).startsWith(dir));
});

test('what another release of the same label wrote is gone before this one writes', async (t) => {
  const { files } = await openFiles(t);
  const release = testRelease('shop', 'v1', { run: 'node app.mjs' });
  await files.claim('blue', release);
  await (
    await openWriter(t, files)
  )('old words\n');

  await files.claim('blue', release);
  assert.deepEqual(await tail(files, 5), ['old words']);
  await files.claim('blue', { ...release, artifactDigest: 'another' });
  assert.deepEqual(await tail(files, 5), []);
});
