import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import assert from 'node:assert/strict';
import { LARGE, inputOf } from './fuzz/inputs.ts';
import { judge } from './fuzz/verdict.ts';

/** A short run of `npm run fuzz:config`; what a long one found; and the shapes that once took minutes. */
const GOLDEN = join(import.meta.dirname, 'fuzz', 'golden');
const INPUTS = 5000;
const SEED = 7;

for (const name of readdirSync(GOLDEN)) {
  test(`found before: ${name}`, () => {
    const bytes = readFileSync(join(GOLDEN, name));
    const isFile = name.endsWith('.yaml');

    assert.equal(judge(isFile ? { kind: 'file', bytes } : { kind: 'body', text: String(bytes) }), 'refused');
  });
}

for (const [index, make] of LARGE.entries()) {
  test(`hostile file ${index} is answered within bounds`, () => {
    const text = make(() => 0.6);

    judge({ kind: 'file', bytes: Buffer.from(text) });
  });
}

test(`${INPUTS} configurations and bodies made out of real ones are answered within bounds`, () => {
  const counts: Record<string, number> = {};
  for (let number = 0; number < INPUTS; number++) {
    let outcome: string;
    try {
      outcome = judge(inputOf(SEED, number));
    } catch (cause) {
      throw new Error(`run: npm run fuzz:config -- --seed=${SEED} --only=${number}`, { cause });
    }
    counts[outcome] = (counts[outcome] ?? 0) + 1;
  }
  assert.ok(counts['valid']! > INPUTS / 50 && counts['refused']! > INPUTS / 2, JSON.stringify(counts));
});
