import assert from 'node:assert/strict';
import { existsSync, globSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, test } from 'node:test';
import { allCommands, createProgram } from '../src/cli/program.ts';
import { CODES } from '../src/release/codes.ts';
import { parseConfig } from '../src/release/parse.ts';

const ROOT = join(import.meta.dirname, '..');
const PAGES = globSync(['*.md', 'docs/**/*.md', 'examples/**/*.md'], {
  cwd: ROOT,
  exclude: ['**/node_modules/**'],
}).map((path) => ({ path, ...partsOf(readFileSync(join(ROOT, path), 'utf8')) }));
/** What looks like a code and is the name of something else. */
const NAMES = /^(BASCULE_|UPDATE_)|^NO_COLOR$|^STRIPE_KEY$|^SENTRY_DSN$/u;

type Fence = { readonly kind: string; readonly text: string };

/** A page without its fenced blocks, and the blocks. */
function partsOf(page: string): { readonly prose: string; readonly fences: readonly Fence[] } {
  const fences: Fence[] = [];
  const prose = page.replaceAll(
    /^```(?<kind>\w*)[^\n]*\n(?<text>.*?)^```$/gmsu,
    (_, kind: string, text: string) => {
      fences.push({ kind, text });
      return '';
    },
  );
  return { prose, fences };
}

/** As GitHub makes them. */
function anchorsOf(page: string): readonly string[] {
  return [...page.matchAll(/^#+ (?<title>.+)$/gmu)].map((match) =>
    match
      .groups!['title']!.toLowerCase()
      .replaceAll(/[^\p{L}\p{N}\- _]/gu, '')
      .replaceAll(' ', '-'),
  );
}

function deadLinks(path: string, prose: string): readonly string[] {
  const links = [...prose.matchAll(/\]\((?<link>[^)\s]+)\)/gu)].map((match) => match.groups!['link']!);
  return links.filter((link) => {
    if (/^[a-z]+:/u.test(link)) return false;
    const [file, anchor] = link.split('#') as [string, string?];
    const target = file === '' ? path : join(dirname(path), file);
    if (!existsSync(join(ROOT, target))) return true;
    return anchor !== undefined && !anchorsOf(readFileSync(join(ROOT, target), 'utf8')).includes(anchor);
  });
}

/** `bascule …` as typed: after a prompt in a console, anywhere in a script, in the `run:` of a CI job. */
function commandsOf({ kind, text }: Fence): readonly string[] {
  const start = {
    console: /^\$ (?:bin\/)?bascule /u,
    sh: /^(?:bin\/)?bascule /u,
    yaml: /^ *- run: bascule /,
  }[kind];
  if (start === undefined) return [];
  return text
    .split('\n')
    .filter((line) => start.test(line))
    .map((line) => line.replace(start, '').replace(/\s+(?:&\s*)?(?:#.*)?$/u, ''));
}

const COMMANDS = await allCommands({
  version: '0',
  serve: async () => undefined,
  proxy: async () => undefined,
  restore: async () => Promise.reject(new Error('no restore')),
});

/** What is wrong with a command line, or null. */
function complaintOf(line: string): string | null {
  const written = { out: () => undefined, err: () => undefined };
  const program = createProgram(COMMANDS, '0', written, () => undefined);
  const argv = [...line.matchAll(/"(?<quoted>[^"]*)"|(?<bare>\S+)/gu)].map(
    ({ groups }) => groups!['quoted'] ?? groups!['bare']!,
  );
  try {
    program.parse(argv, { from: 'user' });
    return null;
  } catch (error) {
    const { exitCode, message } = error as { exitCode?: number; message: string };
    return exitCode === 0 ? null : `bascule ${line}: ${message}`;
  }
}

function mistakesIn(text: string, path: string): readonly string[] {
  const parsed = parseConfig(text, path, {});
  return parsed.ok ? [] : parsed.diagnostics.map(({ code, message }) => `${code}: ${message}`);
}

describe('the pages', () => {
  test('are all seen, with their blocks', () => {
    const fences = PAGES.flatMap((page) => page.fences);

    assert.ok(PAGES.length >= 15, `only ${PAGES.length} pages`);
    assert.ok(fences.flatMap(commandsOf).length >= 30);
    assert.ok(fences.filter(({ text }) => text.startsWith('version: 1')).length >= 6);
  });

  for (const { path, prose, fences } of PAGES) {
    test(`${path}: every link leads somewhere`, () => {
      assert.deepEqual(deadLinks(path, prose), []);
    });

    test(`${path}: every command exists, with its flags`, () => {
      assert.deepEqual(
        fences.flatMap(commandsOf).flatMap((line) => complaintOf(line) ?? []),
        [],
      );
    });

    test(`${path}: every configuration is valid`, () => {
      const configurations = fences.filter(
        ({ kind, text }) => kind === 'yaml' && /^(#.*\n)*version: 1/u.test(text),
      );

      assert.deepEqual(
        configurations.flatMap(({ text }) => mistakesIn(text, path)),
        [],
      );
    });

    test(`${path}: every code is in the table`, () => {
      const text = [prose, ...fences.map((fence) => fence.text)].join('\n');
      const found = text.matchAll(/error\[(?<shown>[A-Z0-9_]+)\]|`(?<named>[A-Z]+(?:_[A-Z]+)+|E\d{3})`/gu);
      const codes = [...found].map(({ groups }) => groups!['shown'] ?? groups!['named']!);

      assert.deepEqual(
        codes.filter((code) => !(code in CODES) && !NAMES.test(code)),
        [],
      );
    });
  }
});

test('this test can fail: planted mistakes are found', () => {
  assert.deepEqual(deadLinks('README.md', '[a](docs/nowhere.md) [b](README.md#nowhere)').length, 2);
  assert.match(complaintOf('deploy --versoin v1') ?? '', /versoin/);
  assert.match(complaintOf('deplyo') ?? '', /deplyo/);
  assert.deepEqual(mistakesIn('version: 1\nservices: {a: {run: x}}\n', 'x').length, 1);
});
