import type { z } from 'zod';

import { explainValue } from './explain-value.ts';
import { builtinOnly } from './builtin-only.ts';
import { comesLater, isServerWide, valueComesLater } from './later.ts';
import { nearest } from './nearest.ts';
import { formatPath, shown, type Path, type Problem } from './problem.ts';
import { SERVICE, FILE } from './schema.ts';
import { factsAt, keysAt } from './schema-walk.ts';

type Issue = z.core.$ZodIssue;

/** Nobody reads on after so many; finding the words for one takes some 20 µs. */
export const MAX_PROBLEMS = 200;

/** Everything that the schema has against a file's value, up to one more than MAX_PROBLEMS. */
export function checkShape(value: unknown): Problem[] {
  const parsed = FILE.safeParse(value);
  const problems = nobodyRuns(value);
  for (const issue of parsed.error?.issues ?? []) {
    problems.push(...fromIssue(issue, [], value));
    if (problems.length > MAX_PROBLEMS) break;
  }
  return withoutEchoes(problems.slice(0, MAX_PROBLEMS + 1));
}

/** Of the keys that say who runs a service one is needed, whichever it is. */
function nobodyRuns(root: unknown): Problem[] {
  const services = at(root, ['services']);
  if (typeof services !== 'object' || services === null || Array.isArray(services)) return [];
  return Object.entries(services as Record<string, unknown>)
    .filter(([, service]) => typeof service === 'object' && service !== null && !Array.isArray(service))
    .filter(([, service]) => !['run', 'targets'].some((key) => Object.hasOwn(service as object, key)))
    .map(([name]) => missing(['services', name, 'run'], 'run'));
}

/** What later keys will stand in for: without them, what they replace is not missing either. */
const STANDS_FOR: Readonly<Record<string, readonly string[]>> = {
  docker: ['run'],
  kubernetes: ['run', 'listen', 'builtin'],
  haproxy: ['builtin'],
  external: ['builtin'],
};

/** A misspelt `run` is one mistake, not an unknown key and a missing one; a later key in its place is one as well. */
function withoutEchoes(problems: readonly Problem[]): Problem[] {
  return problems.filter((problem) => {
    if (problem.code !== 'E007') return true;
    const missing = String(problem.path.at(-1));
    return !problems.some((other) => {
      const meant = missing === 'run' ? ['run', 'targets'] : [missing];
      const isNear = other.code === 'E006' && meant.some((key) => other.fix === `did you mean ${key}?`);
      const isLater =
        other.code === 'E021' && (STANDS_FOR[String(other.path.at(-1))] ?? []).includes(missing);
      return (
        (isNear || isLater) && formatPath(other.path.slice(0, -1)) === formatPath(problem.path.slice(0, -1))
      );
    });
  });
}

function fromIssue(issue: Issue, base: Path, root: unknown): Problem[] {
  const path = [...base, ...(issue.path as Path)];
  switch (issue.code) {
    case 'unrecognized_keys':
      return issue.keys.slice(0, MAX_PROBLEMS + 1).map((key) => unknownKey(path, key));
    case 'invalid_union':
      return fromUnion(issue, path, root);
    case 'invalid_key':
      return [badName(path), ...belowBadName(path, root)];
    default:
      return [wrongValue(path, root)];
  }
}

/** The branch that the author was in: the one that accepts the kind of value, knows its keys, and has the least against it. */
function fromUnion(issue: z.core.$ZodIssueInvalidUnion, path: Path, root: unknown): Problem[] {
  const value = at(root, path);
  if (typeof value !== 'object' || value === null) return [wrongValue(path, root)];
  const inside = issue.errors.filter((issues) => !issues.some(isAboutTheWhole));
  const best = inside.toSorted((a, b) => strangeKeys(a) - strangeKeys(b) || a.length - b.length)[0];
  return best === undefined
    ? [wrongValue(path, root)]
    : best.flatMap((inner) => fromIssue(inner, path, root));
}

function strangeKeys(issues: readonly Issue[]): number {
  return issues.reduce(
    (sum, one) => sum + (one.code === 'unrecognized_keys' && one.path.length === 0 ? one.keys.length : 0),
    0,
  );
}

function isAboutTheWhole(issue: Issue): boolean {
  return issue.path.length === 0 && issue.code !== 'unrecognized_keys' && issue.code !== 'custom';
}

function wrongValue(path: Path, root: unknown): Problem {
  const value = at(root, path);
  const name = nameOf(path);
  if (value === undefined) return missing(path, name);
  const later = valueComesLater(path, value);
  if (later !== null) return notYet(path, 'value', `${name}: ${shown(value)}`, later);
  const facts = factsAt(FILE, path);
  if (facts !== undefined) return { path, at: 'value', ...explainValue(value, facts, name) };
  const note =
    value === null
      ? 'nothing is written here'
      : Array.isArray(value)
        ? 'this is a list'
        : `this is ${shown(value)}`;
  return { code: 'E008', path, at: 'value', message: `${name} must be a mapping`, note, fix: keysFor(path) };
}

function keysFor(path: Path): string | null {
  const keys = keysAt(FILE, path);
  return keys.length === 0
    ? null
    : `its keys are ${keys.slice(0, 8).join(', ')}${keys.length > 8 ? ', …' : ''}`;
}

function missing(path: Path, name: string): Problem {
  const parent = path.slice(0, -1);
  const facts = factsAt(FILE, path);
  const what = facts === undefined ? '' : `: ${facts.what}`;
  const owner = parent.length === 0 ? 'the file' : formatPath(parent);
  return {
    code: 'E007',
    path,
    at: 'key',
    message: `${owner} lacks ${name}`,
    note: '',
    fix: `add ${name}${what}`,
  };
}

function unknownKey(path: Path, key: string): Problem {
  const place = [...path, key];
  if (isServerWide(path, key)) {
    return {
      code: 'E037',
      path: place,
      at: 'key',
      message: `${shown(key)} belongs in the server's own file`,
      note: 'concerns every service',
      fix: 'move it to the file that bascule serve reads',
    };
  }
  const later = comesLater(path, key);
  if (later !== null) return notYet(place, 'key', shown(key), later);
  const builtin = builtinOnly(path, key);
  if (builtin !== null) {
    return {
      code: 'E006',
      path: place,
      at: 'key',
      message: `${shown(key)} is a key of the built-in proxy`,
      note: builtin,
      fix: 'take it out, or choose the built-in proxy',
    };
  }
  const known = keysAt(FILE, path);
  const guess = nearest(key, known);
  const elsewhere = guess === null ? placeOf(key) : null;
  const fix = guess === null ? keysFor(path) : `did you mean ${guess}?`;
  return {
    code: 'E006',
    path: place,
    at: 'key',
    message: `unknown key ${shown(key)}`,
    note: elsewhere === null ? '' : isOtherProxy(path) ? `the built-in proxy's alone` : `known, but not here`,
    fix: elsewhere === null ? fix : `${shown(key)} belongs under ${elsewhere}`,
  };
}

function isOtherProxy(path: Path): boolean {
  return path.at(-2) === 'proxy' && path.at(-1) !== 'builtin';
}

const GROUPS: readonly Path[] = [
  ['strategy', 'canary'],
  ['strategy', 'blue-green'],
  ['health'],
  ['strategy', 'canary', 'judge'],
  ['proxy', 'builtin'],
  [],
];

/** Where a key stands that exists, but not here. */
function placeOf(key: string): string | null {
  const group = GROUPS.find((inner) => keysAt(FILE, ['services', 'NAME', ...inner]).includes(key));
  if (group === undefined) return null;
  return group.length === 0 ? 'services.NAME' : formatPath(group);
}

function notYet(path: Path, where: Problem['at'], what: string, later: string): Problem {
  return {
    code: 'E021',
    path,
    at: where,
    message: `${what} is not there yet`,
    note: later,
    fix: 'take it out for now; it is refused rather than ignored',
  };
}

function badName(path: Path): Problem {
  const name = shown(path.at(-1)!);
  if (path.at(-2) !== 'env') {
    const better = String(path.at(-1))
      .toLowerCase()
      .replaceAll(/[^a-z0-9]+/g, '-')
      .replaceAll(/^[^a-z]+|-+$/g, '')
      .slice(0, 40);
    const fix = better === '' ? null : `did you mean ${better}?`;
    return {
      code: 'E032',
      path,
      at: 'key',
      message: `${name} is not a name for a service`,
      note: 'a-z, 0-9 and -, at most 40',
      fix,
    };
  }
  return {
    code: 'E030',
    path,
    at: 'key',
    message: `${name} is not the name of a variable`,
    note: 'letters, digits, _',
    fix: null,
  };
}

/** zod does not look below a bad key; people want to hear of everything at once. */
function belowBadName(path: Path, root: unknown): Problem[] {
  if (path.at(-2) === 'env') return [];
  const parsed = SERVICE.safeParse(at(root, path));
  return parsed.success ? [] : parsed.error.issues.flatMap((issue) => fromIssue(issue, path, root));
}

function nameOf(path: Path): string {
  const last = path.at(-1);
  if (last === undefined) return 'the file';
  return typeof last === 'number' ? `each of ${nameOf(path.slice(0, -1))}` : shown(last);
}

/** The value at `path`, or undefined. */
export function at(root: unknown, path: Path): unknown {
  let value = root;
  for (const part of path) {
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, part)) return undefined;
    value = (value as Record<string | number, unknown>)[part];
  }
  return value;
}
