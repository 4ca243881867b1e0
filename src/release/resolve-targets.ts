import { assert } from '../lib/assert.ts';
import { formatUpstream, type Upstream } from '../lib/upstream.ts';
import type { Path, Problem } from './problem.ts';
import type { ServiceInput } from './schema.ts';
import type { ServiceSpec, VerifyCheck } from './service.ts';
import { SLOT_NAMES, type SlotName } from './slot.ts';
import { readTarget } from './target.ts';

/** Keys that say how Bascule runs something. */
const OF_RUN = ['run', 'build', 'env', 'user', 'stop-grace', 'replicas', 'max-replicas', 'current'] as const;

export function resolveTargets(
  input: ServiceInput,
  verify: readonly VerifyCheck[],
  path: Path,
  problems: Problem[],
): ServiceSpec['targets'] {
  const { targets } = input;
  if (targets === undefined) return null;
  for (const key of OF_RUN) if (input[key] !== undefined) problems.push(idle(key, [...path, key]));
  if (verify.some(({ kind }) => kind === 'run')) problems.push(idleCommand([...path, 'verify']));
  const slots = { blue: placesOf(targets.blue), green: placesOf(targets.green) };
  for (const slot of SLOT_NAMES) problems.push(...repeated(slots, slot, [...path, 'targets', slot]));
  return slots;
}

export function resolveCurrent(input: ServiceInput): Upstream | null {
  return input.current === undefined ? null : upstreamOf(input.current);
}

function placesOf(written: string | readonly string[]): readonly Upstream[] {
  return (typeof written === 'string' ? [written] : written).map(upstreamOf);
}

function upstreamOf(text: string): Upstream {
  const read = readTarget(text);
  assert(typeof read !== 'string', `${text} passed the schema and is no target`);
  return read;
}

function idleCommand(path: Path): Problem {
  return {
    code: 'E050',
    path,
    at: 'key',
    message: 'a command under verify means nothing beside targets',
    note: 'there is no release to run it in',
    fix: 'check by get or head',
  };
}

function idle(key: (typeof OF_RUN)[number], path: Path): Problem {
  const isOther = key === 'run' || key === 'current';
  return {
    code: 'E050',
    path,
    at: 'key',
    message: isOther ? `${key} and targets exclude each other` : `${key} means nothing beside targets`,
    note: isOther ? 'who runs it?' : 'Bascule starts nothing here',
    fix: isOther ? `keep targets where somebody else runs it, else take it out` : `take ${key} out`,
  };
}

/** A place that stands twice: both slots would be one, or a replica would be counted as two. */
function repeated(
  slots: Readonly<Record<SlotName, readonly Upstream[]>>,
  slot: SlotName,
  path: Path,
): readonly Problem[] {
  const before = slot === 'blue' ? [] : slots.blue.map(placeKey);
  return slots[slot].flatMap((upstream, index) => {
    const key = placeKey(upstream);
    const isOthers = before.includes(key);
    if (!isOthers && !slots[slot].slice(0, index).some((other) => placeKey(other) === key)) return [];
    const note = isOthers ? 'it is blue already' : 'the second time';
    const message = `${formatUpstream(upstream)} stands twice in targets`;
    return [{ code: 'E052' as const, path, at: 'value' as const, message, note, fix: null }];
  });
}

/** With and without a slash at its end, a prefix is one place. */
function placeKey(upstream: Upstream): string {
  return formatUpstream(upstream).replace(/\/$/, '');
}
