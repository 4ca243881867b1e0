import { deepFreeze } from '../lib/freeze.ts';
import { checkShape, MAX_PROBLEMS } from './issues.ts';
import type { Path, Problem } from './problem.ts';
import { doorConflicts } from './resolve-door.ts';
import { resolveService } from './resolve.ts';
import type { ServiceInput } from './schema.ts';
import type { ServiceSpec } from './service.ts';

/** Everything after this sees complete, frozen services by name. */
export type Config = { readonly services: Readonly<Record<string, ServiceSpec>> };

export type ReadResult =
  | { readonly ok: true; readonly config: Config }
  | { readonly ok: false; readonly problems: readonly Problem[] };

/**
 * A configuration as plain values (a parsed file, the body of a request) -> complete services, or everything that is
 * wrong with it. Never throws, whatever the value.
 */
export function readConfig(value: unknown): ReadResult {
  const shape = checkShape(value);
  const problems = [...shape];
  // Nobody reads on after so many, and each one costs a copy below.
  if (shape.length > MAX_PROBLEMS) return { ok: false, problems: shape.slice(0, MAX_PROBLEMS) };
  // Rules between fields are checked on what is left when the refused values are taken out, so that one run tells all.
  const services = servicesOf(usablePart(value)).map(([name, input]) =>
    resolveService(name, input, problems),
  );
  problems.push(...doorConflicts(services.filter((service) => hasDoor(service.name, problems))));
  if (services.length === 0 && problems.length === 0) problems.push(nothing());
  if (problems.length > 0) return { ok: false, problems: withoutGuesses(problems) };
  const byName = Object.fromEntries(services.map((service) => [service.name, service]));
  return { ok: true, config: deepFreeze({ services: byName }) };
}

const MEASURE_CODES: ReadonlySet<string> = new Set(['E060', 'E061', 'E062']);

/**
 * A measure of which a part was refused is not told that this part is missing as well; and what stands under a misspelt name is not
 * held against what it would mean there.
 */
function withoutGuesses(problems: readonly Problem[]): readonly Problem[] {
  return problems.filter((problem) => {
    if (MEASURE_CODES.has(problem.code)) return !problems.some((other) => isBelow(other, problem));
    return !problems.some((other) => other.code === 'E006' && isBelow(problem, other));
  });
}

function isBelow(other: Problem, above: Problem): boolean {
  return other.path.length > above.path.length && above.path.every((part, at) => other.path[at] === part);
}

const DOOR_KEYS = new Set(['listen', 'host', 'path']);

/** Whether what was written of the door is what stands in the resolved service. */
function hasDoor(service: string, problems: readonly Problem[]): boolean {
  return !problems.some(({ path }) => path[1] === service && DOOR_KEYS.has(String(path[2])));
}

function nothing(): Problem {
  return {
    code: 'E004',
    path: ['services'],
    at: 'key',
    message: 'no service is described',
    note: 'empty',
    fix: 'add one: its name, then run and listen',
  };
}

function servicesOf(value: unknown): [string, ServiceInput][] {
  if (!isMapping(value) || !isMapping(value.services)) return [];
  return Object.entries(value.services).filter((entry): entry is [string, ServiceInput] =>
    isMapping(entry[1]),
  );
}

/** The value without what the schema refuses; only `run` and `listen` may then be missing. */
function usablePart(value: unknown): unknown {
  let rest = value;
  // A value that goes may be the one that its mapping needs; then the mapping goes in the next round.
  for (let round = 0; round < 8; round += 1) {
    const spoilt = checkShape(rest)
      .map(spoiltPath)
      .filter((path) => path.length > 0);
    if (spoilt.length === 0) return rest;
    for (const path of spoilt) rest = without(rest, path);
  }
  return undefined;
}

/** What is of no use because of a problem: the value; for an item, its list; around a missing key, its mapping. */
function spoiltPath(problem: Problem): Path {
  const end = problem.path.findIndex((part) => typeof part === 'number');
  const path = end < 0 ? problem.path : problem.path.slice(0, end);
  // Without its only key, a strategy would seem to name none.
  if (path.at(-2) === 'strategy') return path.slice(0, -1);
  if (problem.code !== 'E007') return path;
  return path.length <= 3 ? [] : path.slice(0, -1);
}

/** A copy without the value at `path`. */
function without(value: unknown, path: Path): unknown {
  const [first, ...rest] = path;
  if (!isMapping(value) || first === undefined || !Object.hasOwn(value, first)) return value;
  if (rest.length > 0) return { ...value, [first]: without(value[first], rest) };
  const { [first]: _gone, ...left } = value;
  return left;
}

function isMapping(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
