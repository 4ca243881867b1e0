import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { OWN_SUBJECTS, SUBJECTS } from './behaviours/behaviours.ts';
import { row } from './behaviours/page.ts';
import { PEER_NAMES, type PeerName } from './behaviours/peers.ts';
import { type Seen, seeAll, seeOwn, shortened } from './behaviours/seen.ts';
import { peerVersions } from './behaviours/versions.ts';

/** The built-in proxy does what is wanted, the others what docs/behaviours.md says; otherwise: `npm run behaviours`. */
const PAGE = readFileSync(join(import.meta.dirname, '../docs/behaviours.md'), 'utf8');
const LEAST_CASES = 120;
const NOTHING: Seen = new Map();

const versions = await peerVersions();
const tried = PEER_NAMES.filter((name) => why(name) === false);
// All at once: most of it is waiting.
const [own, apart, ...peers] = await Promise.all([seeAll('built-in'), seeOwn(), ...tried.map(seeAll)]);

function why(name: PeerName): false | string {
  if (versions[name] === 'none') return `${name} is not installed`;
  return PAGE.includes(`${name} ${versions[name]}`)
    ? false
    : `the page is about another version than ${versions[name]}`;
}

for (const { title, cases } of SUBJECTS) {
  describe(`${title}, behind the built-in proxy`, () => {
    for (const { name, wanted } of cases) {
      test(name, () => {
        assert.equal(own.get(name), shortened(wanted));
      });
    }
  });
}

for (const { title, cases } of OWN_SUBJECTS) {
  describe(`${title} of the built-in proxy`, () => {
    for (const { name, wanted } of cases) {
      test(name, () => {
        assert.equal(apart.get(name), wanted);
      });
    }
  });
}

for (const [column, name] of PEER_NAMES.entries()) {
  describe(`${name} does what the page says`, { skip: why(name) }, () => {
    for (const { title, cases } of SUBJECTS) {
      test(title, () => {
        const seen = { nginx: NOTHING, HAProxy: NOTHING, [name]: peers[tried.indexOf(name)]! };
        const page = new Set(PAGE.split('\n').map((line) => cellsOf(line.slice(2, -2).split(' | '), column)));

        assert.deepEqual(
          cases.map((each) => cellsOf(row(each, seen), column)).filter((line) => !page.has(line)),
          [],
        );
      });
    }
  });
}

/** Of one proxy, with the name of the case. */
function cellsOf(line: readonly string[], column: number): string {
  return `${line[0]} | ${line[column + 2]}`;
}

test(`there are at least ${LEAST_CASES}, each with a name of its own`, () => {
  const names = [...SUBJECTS, ...OWN_SUBJECTS].flatMap(({ cases }) => cases.map(({ name }) => name));

  assert.equal(new Set(names).size, names.length);
  assert.ok(names.length >= LEAST_CASES);
});
