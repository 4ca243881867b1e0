import { canonicalJson } from '../lib/json.ts';
import { formatUpstream } from '../lib/upstream.ts';
import type { ServiceSpec } from '../release/service.ts';

/** `door.drainMs: 30000 -> 5000`, one line each. */
export function differences(before: ServiceSpec, after: ServiceSpec): readonly string[] {
  const targets = leaves('targets', placesIn(before), placesIn(after));
  const parts = targets.length > 0 ? (['door', 'policy'] as const) : (['door', 'scale', 'policy'] as const);
  return [...targets, ...parts.flatMap((part) => leaves(part, before[part], after[part]))];
}

/** As the file has them. */
function placesIn({ targets }: ServiceSpec): unknown {
  if (targets === null) return 'none: Bascule runs it';
  return { blue: targets.blue.map(formatUpstream), green: targets.green.map(formatUpstream) };
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
