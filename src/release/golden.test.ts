import assert from 'node:assert/strict';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';

import { FILE_CODES } from './file-codes.ts';
import { parseConfig } from './parse.ts';
import { renderDiagnostics } from './render-diagnostic.ts';

/**
 * Wrong files with exactly what is printed for them. golden/*.txt: `=== name`, the file, `--- says`, the output.
 * UPDATE_GOLDEN=1 writes the output anew: read the difference before it is committed.
 */
const FOLDER = join(import.meta.dirname, 'golden');
const ENVIRONMENT = { HOME: '/home/ana', REPLICAS: '3', DRAIN: 'soon', EMPTY: '', DATABASE_HOST: 'db1' };

type Case = { readonly name: string; readonly text: string; readonly says: string };

const UPDATE = process.env.UPDATE_GOLDEN === '1';
const codesSeen = new Set<string>();
let cases = 0;

for (const file of readdirSync(FOLDER).sort()) {
  test(`golden/${file}`, async (t) => {
    const found = readCases(readFileSync(join(FOLDER, file), 'utf8'));
    const actual = found.map((one) => ({ ...one, says: outputFor(one.text) }));
    cases += found.length;
    if (UPDATE) writeFileSync(join(FOLDER, file), actual.map(render).join('\n'));
    for (const [index, one] of found.entries()) {
      await t.test(one.name, () =>
        assert.equal(actual[index]!.says, UPDATE ? actual[index]!.says : one.says),
      );
    }
  });
}

test('there are at least 60 wrong files, and each code of the file is produced by one of them', () => {
  assert.ok(cases >= 60, `${cases} cases`);
  assert.deepEqual(
    Object.keys(FILE_CODES).filter((code) => !codesSeen.has(code)),
    [],
  );
});

function outputFor(text: string): string {
  const result = parseConfig(expandMarks(text), 'bascule.yaml', ENVIRONMENT);
  if (result.ok) throw new Error(`this wrong file was accepted:\n${text}`);
  for (const diagnostic of result.diagnostics) codesSeen.add(diagnostic.code);
  return renderDiagnostics(result.diagnostics);
}

/** What cannot be seen, or would be pages long, stands as a mark in the golden file. */
function expandMarks(text: string): string {
  return text
    .replaceAll('<TAB>', '\t')
    .replaceAll('<BELL>', '\u0007')
    .replaceAll('<MEGABYTE>', 'x'.repeat(1_048_576))
    .replaceAll('<DEEP>', '['.repeat(40) + ']'.repeat(40));
}

function readCases(text: string): Case[] {
  return text
    .split(/^=== /m)
    .slice(1)
    .map((part) => {
      const name = part.slice(0, part.indexOf('\n'));
      const [body = '', says = ''] = part.slice(name.length + 1).split('--- says\n');
      return { name, text: body, says: says.replace(/\n\n$/, '\n') };
    });
}

function render(one: Case): string {
  return `=== ${one.name}\n${one.text}--- says\n${one.says}`;
}
