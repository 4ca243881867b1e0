import type { AuditView } from '../controller/views.ts';
import { printable } from '../release/problem.ts';

const COLUMNS = [
  'seq',
  'time',
  'service',
  'rollout',
  'actor',
  'role',
  'from',
  'verb',
  'result',
  'code',
  'reason',
  'says',
];

export function csvHead(): string {
  return `${COLUMNS.join(',')}\r\n`;
}

/** RFC 4180; times in UTC. */
export function csvLine(entry: AuditView): string {
  const time = new Date(entry.atMs).toISOString();
  const { seq, service, rollout, actor, role, from, verb, result, code, reason, says } = entry;
  const cells = [
    String(seq),
    time,
    service,
    rollout,
    actor,
    role,
    from,
    verb,
    result,
    code,
    reason,
    says.join('; '),
  ];
  return csvRow(cells);
}

/** One row; null is an empty cell. */
export function csvRow(cells: readonly (string | null)[]): string {
  return `${cells.map((cell) => csvCell(cell ?? '')).join(',')}\r\n`;
}

/** No control character gets out, and no spreadsheet takes what somebody typed for a formula. */
function csvCell(text: string): string {
  const safe = printable(text).replaceAll('\t', ' ');
  const inert = /^[=+\-@]/u.test(safe) ? `'${safe}` : safe;
  return /[",;']/u.test(inert) ? `"${inert.replaceAll('"', '""')}"` : inert;
}
