import { canonicalJson } from '../lib/json.ts';
import type { ServiceSpec } from '../release/service.ts';

/** `door.drainMs: 30000 -> 5000`, one line each. */
export function differences(before: ServiceSpec, after: ServiceSpec): readonly string[] {
  return (['door', 'scale', 'policy'] as const).flatMap((part) => leaves(part, before[part], after[part]));
}

function leaves(path: string, before: unknown, after: unknown): readonly string[] {
  if (canonicalJson(before) === canonicalJson(after)) return [];
  if (isRecord(before) && isRecord(after)) {
    const keys = [...new Set([...Object.keys(before), ...Object.keys(after)])];
    return keys.flatMap((key) => leaves(`${path}.${key}`, before[key], after[key]));
  }
  return [`${path}: ${JSON.stringify(before)} -> ${JSON.stringify(after)}`];
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return value !== null && typeof value === 'object' && !Array.isArray(value);
}
