import { canonicalJson } from '../lib/json.ts';
import { expandService } from '../release/expand.ts';
import type { ServiceSpec } from '../release/service.ts';

type Difference = {
  /** Door and scale change by `apply` alone, the policy with every deploy as well. */
  readonly part: 'door' | 'policy';
  /** `drain: 30s -> 5s`, in the file's own names and units. */
  readonly line: string;
};

/** What `apply` would change, as a person would write it; what belongs to a release is left out. */
export function differences(before: ServiceSpec, after: ServiceSpec): readonly Difference[] {
  // Only the first deploy looks at what served before.
  const { release, current } = after;
  const was = expandService({ ...before, release, current });
  const is = expandService(after);
  const keys = [...new Set([...Object.keys(was), ...Object.keys(is)])];
  return keys.flatMap((key) =>
    leaves(key, was[key], is[key]).map((line) => ({ part: key === 'strategy' ? 'policy' : 'door', line })),
  );
}

function leaves(path: string, before: unknown, after: unknown): readonly string[] {
  if (canonicalJson(before) === canonicalJson(after)) return [];
  if (isRecord(before) && isRecord(after)) {
    const keys = [...new Set([...Object.keys(before), ...Object.keys(after)])];
    // Another strategy is one change, not one of each of its settings.
    const one = path === 'strategy' && !keys.every((key) => key in before && key in after);
    if (one) return [`${path}: ${Object.keys(before).join()} -> ${Object.keys(after).join()}`];
    return keys.flatMap((key) => leaves(`${path}.${key}`, before[key], after[key]));
  }
  return [`${path}: ${written(before)} -> ${written(after)}`];
}

function written(value: unknown): string {
  if (value === undefined) return 'nothing';
  if (Array.isArray(value)) return `[${value.map(written).join(', ')}]`;
  return typeof value === 'string' ? value : JSON.stringify(value);
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return value !== null && typeof value === 'object' && !Array.isArray(value);
}
