import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expandConfig } from '../../src/release/expand.ts';
import { parseConfig } from '../../src/release/parse.ts';
import { rngOf } from '../judge-traffic.ts';

/** An input is a function of seed and number: a failing one is named by both. */
export type Input =
  | { readonly kind: 'file'; readonly bytes: Buffer }
  | { readonly kind: 'body'; readonly text: string };

type Rng = () => number;

const ROOT = join(import.meta.dirname, '../..');
/** One in so many is a body of the API instead of a file. */
const BODIES = 8;
/** One in so many is hostile by design, and large. */
const HOSTILE = 10_001;
const MOST_MUTATIONS = 6;

/** Real files: the examples, the wrong files with golden messages, and an example with every default written out. */
const FILES: readonly string[] = seeds();
const BODY_SEEDS: readonly string[] = bodySeeds();

export function inputOf(seed: number, number: number): Input {
  const rng = rngOf(Math.imul(seed, 0x9e3779b1) ^ Math.imul(number + 1, 0x85ebca6b));
  rng();
  if (number % BODIES === 0) return { kind: 'body', text: mutated(pick(rng, BODY_SEEDS), rng) };
  if (number % HOSTILE === 2) return { kind: 'file', bytes: Buffer.from(pick(rng, LARGE)(rng)) };
  const text = mutated(pick(rng, FILES), rng);
  return { kind: 'file', bytes: rng() < 0.2 ? mutatedBytes(Buffer.from(text), rng) : Buffer.from(text) };
}

function seeds(): readonly string[] {
  const examples = globSync(join(ROOT, 'examples/*/bascule.yaml')).toSorted().map(read);
  const wrong = globSync(join(ROOT, 'src/release/golden/*.txt'))
    .toSorted()
    .flatMap((path) =>
      read(path)
        .split(/^=== .*\n/mu)
        .slice(1),
    )
    .map((part) => part.split('--- says\n')[0]!);
  const right = [...examples, ...examples.map(expanded)];
  // As many right files as wrong ones, so that not all of what comes out is refused.
  return [...wrong, ...wrong.map((_, at) => right[at % right.length]!)];
}

function read(path: string): string {
  return readFileSync(path, 'utf8');
}

function expanded(text: string): string {
  const result = parseConfig(text, 'bascule.yaml', {});
  if (!result.ok) throw new Error('an example is wrong');
  return expandConfig(result.config);
}

function bodySeeds(): readonly string[] {
  return globSync(join(ROOT, 'examples/*/bascule.yaml')).flatMap((path) => {
    const result = parseConfig(read(path), path, {});
    return result.ok ? Object.values(result.config.services).map((spec) => JSON.stringify({ spec })) : [];
  });
}

function pick<T>(rng: Rng, from: readonly T[]): T {
  return from[Math.floor(rng() * from.length)]!;
}

function mutated(text: string, rng: Rng): string {
  let result = text;
  const times = 1 + Math.floor(rng() ** 3 * MOST_MUTATIONS);
  for (let i = 0; i < times; i++) result = pick(rng, MUTATIONS)(result, rng);
  return result;
}

/** What means something to YAML, JSON, JavaScript, a terminal, or this schema. */
const WORDS: readonly string[] = [
  '{',
  '}',
  '[',
  ']',
  ',',
  ': ',
  ':',
  '- ',
  '? ',
  '|',
  '>',
  '|+2',
  '#',
  '&a ',
  '*a',
  '!!js ',
  '!t ',
  '!!binary ',
  '%YAML 1.1\n',
  '---\n',
  '...\n',
  '<<: *a',
  '<<',
  '"',
  "'",
  '\\',
  '\\u0000',
  '\\x1b',
  '${',
  '${A}',
  '${A:-',
  '${A:?no}',
  '$$',
  '$PORT',
  '}',
  '\t',
  '  ',
  '__proto__: {polluted: 1}',
  '__proto__',
  'constructor',
  'prototype',
  'toString',
  'hasOwnProperty',
  '"__proto__":{"polluted":1},',
  '\u0000',
  '\u001b[31m',
  '\u0007',
  '\r',
  '\r\n',
  '\u0085',
  '\u2028',
  '\u202e',
  '\ufeff',
  '\ufffd',
  '\ud800',
  '\u{1f600}',
  'é',
  '\u009b',
  'null',
  '~',
  'true',
  'no',
  '.nan',
  '.inf',
  '-0',
  '1e999',
  '0x10',
  '0o7',
  '1_000',
  '9007199254740993',
  '-1',
  '1.5',
  '99999999999999999999',
  '5%',
  '0%',
  '100%',
  '0.05%',
  '1ms',
  '9999999h',
  '1e3s',
  '10GiB',
  '0.0001pp',
  '[5%, 50%]',
  '{secret: env:A}',
  '{secret: x}',
  '80',
  '65536',
  '::1',
  '0.0.0.0:80',
  'run',
  'listen',
  'strategy',
  'canary',
  'blue-green',
  'env',
  'judge',
  'services',
  'version: 1',
  'health',
  'nginx',
  'docker',
  'steps',
  'sticky',
  'p99.9',
  'host',
];

type Mutation = (text: string, rng: Rng) => string;

const MUTATIONS: readonly Mutation[] = [
  (text, rng) => spliced(text, rng, 0, pick(rng, WORDS)),
  (text, rng) => spliced(text, rng, 1 + Math.floor(rng() * 8), pick(rng, WORDS)),
  (text, rng) => spliced(text, rng, 1 + Math.floor(rng() * 20), ''),
  (text, rng) => spliced(text, rng, 0, String.fromCharCode(Math.floor(rng() * (rng() < 0.7 ? 128 : 65_536)))),
  // A line twice, away, elsewhere, indented otherwise, or that of another file.
  (text, rng) => lines(text, rng, (all, at) => all.splice(at, 0, all[at]!)),
  (text, rng) => lines(text, rng, (all, at) => all.splice(at, 1)),
  (text, rng) =>
    lines(text, rng, (all, at) => all.splice(Math.floor(rng() * all.length), 0, ...all.splice(at, 1))),
  (text, rng) =>
    lines(text, rng, (all, at) => (all[at] = `${' '.repeat(Math.floor(rng() * 9))}${all[at]!.trimStart()}`)),
  (text, rng) => lines(text, rng, (all, at) => all.splice(at, 0, pick(rng, pick(rng, FILES).split('\n')))),
  // A value becomes another one; a key becomes another one. Looked for from starts of words: a long line has few.
  (text, rng) =>
    lines(text, rng, (all, at) => (all[at] = all[at]!.replace(/:.*/su, `: ${pick(rng, WORDS)}`))),
  (text, rng) =>
    lines(
      text,
      rng,
      (all, at) => (all[at] = all[at]!.replace(/(?<![^\s:])[^\s:]+:/u, `${pick(rng, WORDS)}:`)),
    ),
  (text, rng) =>
    text.replaceAll(/"[a-z-]+"?:|(?<![a-z-])[a-z-]+"?:/gu, (key) =>
      rng() < 0.1 ? `${pick(rng, WORDS)}:` : key,
    ),
  (text, rng) => text.replaceAll(/\d+/gu, (digits) => (rng() < 0.3 ? pick(rng, WORDS) : digits)),
  // Structure: wrapped, repeated, cut off, with itself inside.
  (text, rng) => spliced(text, rng, 0, '['.repeat(Math.floor(rng() * 80))),
  (text, rng) => spliced(text, rng, 0, pick(rng, WORDS).repeat(Math.floor(rng() * 60))),
  (text, rng) => text.slice(0, Math.floor(rng() * text.length)),
  (text, rng) => (text.length > 1000 ? text : spliced(text, rng, 0, text)),
  (text, rng) => `${text}\n---\n${pick(rng, FILES)}`,
  (text, rng) => spliced(text, rng, 0, 'x'.repeat(Math.floor(rng() ** 30 * 100_000))),
  (text) => `\ufeff${text}`,
];

function spliced(text: string, rng: Rng, remove: number, insert: string): string {
  const at = Math.floor(rng() * (text.length + 1));
  return text.slice(0, at) + insert + text.slice(at + remove);
}

function lines(text: string, rng: Rng, change: (all: string[], at: number) => unknown): string {
  const all = text.split('\n');
  change(all, Math.floor(rng() * all.length));
  return all.join('\n');
}

/** Invalid UTF-8 among them: bytes flipped, put in and taken out. */
function mutatedBytes(bytes: Buffer, rng: Rng): Buffer {
  const result = [...bytes];
  for (let i = 1 + Math.floor(rng() * 4); i > 0; i--) {
    const at = Math.floor(rng() * (result.length + 1));
    result.splice(at, rng() < 0.7 ? 1 : 0, ...(rng() < 0.8 ? [Math.floor(rng() * 256)] : []));
  }
  return Buffer.from(result);
}

const HEAD = 'version: 1\nservices:\n';
const many = (rng: Rng, most: number): number => 1 + Math.floor(rng() ** 3 * most);
const rows = (rng: Rng, most: number, row: (index: number) => string): string =>
  Array.from({ length: many(rng, most) }, (_, index) => row(index)).join('');

/** Files that are made to be slow, deep or large. */
export const LARGE: readonly ((rng: Rng) => string)[] = [
  (rng) => HEAD + rows(rng, 20_000, (index) => ` k${index}: 1\n`),
  (rng) => HEAD + rows(rng, 20_000, (index) => ` S${index}: {}\n`),
  (rng) => HEAD + rows(rng, 2_000, (index) => ` s${index}: {run: x, listen: ${index}}\n`),
  (rng) => `${HEAD} s:\n  env: {${rows(rng, 20_000, (index) => `A${index}: 1, `)}}`,
  (rng) => HEAD + rows(rng, 60_000, () => pick(rng, WORDS)),
  (rng) => `${HEAD} a: ${pick(rng, WORDS).repeat(many(rng, 60_000))}`,
  (rng) => `${HEAD} "${pick(rng, WORDS).repeat(many(rng, 60_000))}": 1`,
  (rng) =>
    pick(rng, ['[', '{', '{a: [', '- ', '? ', '!a ', '&a ', '"', "'\n", '}\n', '---\n', '%a\n']).repeat(
      many(rng, 60_000),
    ),
  (rng) => rows(rng, 400, (index) => `${' '.repeat(index)}a:\n`),
  (rng) => `a: &a [x]\n${rows(rng, 10_000, (index) => `b${index}: *a\n`)}`,
  // Each name stands for ten of the one before.
  (rng) =>
    `l0: &l0 [lol]\n${rows(rng, 40, (index) => `l${index + 1}: &l${index + 1} [${`*l${index},`.repeat(10)}]\n`)}`,
  (rng) => 'x'.repeat(1_000_000 + Math.floor(rng() * 100_000)),
];
