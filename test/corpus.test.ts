import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { CORPUS } from './corpus/corpus.ts';
import { ambiguity, outcomesOf } from './corpus/outcome.ts';
import { cell, shown } from './corpus/page.ts';
import { readLeniently } from './wire/lenient-request.ts';
import { type Lanes, openLanes } from './wire/lanes.ts';
import { FROM_RECORDER } from './wire/recorder.ts';
import { readStrictly } from './wire/strict-request.ts';

/** The corpus through the built-in proxy; `npm run corpus` tries nginx and HAProxy too, and writes the page. */
const PAGE = readFileSync(join(import.meta.dirname, '../docs/malformed-requests.md'), 'utf8');
let directory: string;
let opened: Lanes;

before(async () => {
  directory = await mkdtemp(join(tmpdir(), 'bascule-corpus-'));
  opened = await openLanes('built-in', 8, directory);
});
after(async () => {
  await opened?.close();
  await rm(directory, { recursive: true, force: true });
});

test(`none of ${CORPUS.length} malformed or ambiguous requests reaches an application in a form that it could read differently`, async () => {
  const outcomes = await outcomesOf(opened.lanes, CORPUS);
  const ambiguous = CORPUS.flatMap(({ family, name }, i) =>
    outcomes[i]!.kind === 'ambiguous' ? [`${family}: ${name}: ${outcomes[i]!.detail}`] : [],
  );

  assert.deepEqual(ambiguous, []);
  assert.ok(CORPUS.length >= 300 && outcomes.filter(({ kind }) => kind === 'refused').length >= 300);
  assert.ok(opened.isUnharmed());
  assert.deepEqual(differences(outcomes), [], 'docs/malformed-requests.md says otherwise: npm run corpus');
});

function differences(outcomes: Awaited<ReturnType<typeof outcomesOf>>): string[] {
  const rows = new Set(PAGE.split('\n').map((line) => timeless(line.split(' | ').slice(0, 2).join(' | '))));
  return CORPUS.flatMap(({ name }, i) => {
    const row = timeless(`| ${cell(name)} | ${shown(outcomes[i]!)}`);
    return rows.has(row) ? [] : [row];
  });
}

/** Whether the application has seen the head of a request that breaks off is a matter of time, and so is a second answer. */
function timeless(row: string): string {
  return row.replace('cut off', 'refused').replace(/(?<=: \d{3}), .*/, '');
}

test('each entry has a name of its own in its family', () => {
  const names = CORPUS.map(({ family, name }) => `${family}: ${name}`);

  assert.equal(new Set(names).size, names.length);
});

const SOUND = 'POST /a HTTP/1.1\r\nHost: a\r\nX-Forwarded-For: 127.0.0.1\r\nContent-Length: 5\r\n\r\nhello';
const ENTRY = { family: '', name: '', bytes: SOUND, requests: 1 };

test('both readers read what is sound, and alike', async () => {
  const { requests, left } = readStrictly(SOUND);

  assert.equal(left, null);
  assert.deepEqual(await readLeniently(SOUND), requests);
  assert.equal(await ambiguity([SOUND], FROM_RECORDER, ENTRY), null);
});

const planted: readonly (readonly [name: string, recorded: readonly string[]])[] = [
  ['two lengths', [SOUND.replace('Content-Length', 'Content-Length: 5\r\nContent-Length')]],
  ['a length beside chunks', [SOUND.replace('Host', 'Transfer-Encoding: chunked\r\nHost')]],
  ['a bare line feed', [SOUND.replace('\r\n', '\n')]],
  ['more requests than answers', [SOUND, SOUND]],
  ['one hidden behind another', [SOUND + SOUND]],
  ['bytes behind it', [`${SOUND}more\r\n\r\n`]],
  ['an address that is not the client’s', [SOUND.replace('127.0.0.1', '6.6.6.6')]],
  ['no address', [SOUND.replace('X-Forwarded-For', 'X-Other')]],
  ['two Hosts', [SOUND.replace('Host', 'Host: b\r\nHost')]],
];
for (const [name, recorded] of planted) {
  test(`the test can fail: ${name}`, async () => {
    assert.notEqual(await ambiguity(recorded, FROM_RECORDER, ENTRY), null);
  });
}
