import { csvRow } from '../../../src/cli/csv.ts';
import type { Rollout } from '../api/api-types.ts';

const COLUMNS = [
  'rollout',
  'service',
  'from',
  'to',
  'strategy',
  'began',
  'ended',
  'outcome',
  'cause',
  'reason',
  'actor',
];

/** RFC 4180; times in UTC. */
export function historyCsv(rollouts: readonly Rollout[]): string {
  const rows = rollouts.map((one) => [
    one.id,
    one.service,
    one.from,
    one.label,
    one.strategy,
    time(one.startedAtMs),
    time(one.endedAtMs),
    one.outcome,
    one.cause,
    one.reason,
    one.actor,
  ]);
  return [COLUMNS, ...rows].map(csvRow).join('');
}

function time(atMs: number | null): string {
  return atMs === null ? '' : new Date(atMs).toISOString();
}
