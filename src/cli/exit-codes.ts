import { OperatingError } from '../lib/errors.ts';
import { ServerProblem } from './server-problem.ts';

/** What commands exit with, besides the outcomes of rollouts, which the server names. docs/cli.md lists all. */
export const EXIT = {
  done: 0,
  bug: 1,
  usage: 2,
  unreachable: 4,
  notAllowed: 5,
  asksPerson: 13,
  waitTimedOut: 14,
  refused: 15,
  changes: 20,
  unwell: 21,
  detached: 130,
} as const;

/** Codes of this side of the socket that are not wrong usage or an invalid file. */
export const OWN: Readonly<Record<string, number>> = {
  SERVER_UNREACHABLE: EXIT.unreachable,
  SOCKET_NOT_ALLOWED: EXIT.notAllowed,
  TOKEN_MISSING: EXIT.notAllowed,
  LISTENER_FAILED: EXIT.refused,
  SOCKET_IN_USE: EXIT.refused,
  JOURNAL_HELD: EXIT.refused,
  STATE_EXISTS: EXIT.refused,
  BACKUP_INVALID: EXIT.refused,
  BACKUP_NOT_WRITTEN: EXIT.refused,
  INTERRUPTED: EXIT.detached,
  NO_ROLLOUT: EXIT.refused,
  DASHBOARD_MISSING: EXIT.refused,
  PACK_CHANGED: EXIT.refused,
  CONFIG_EXISTS: EXIT.refused,
};

export function exitCodeOf(error: unknown): number {
  if (error instanceof ServerProblem) return byStatus(error.status);
  if (error instanceof OperatingError) return OWN[error.code] ?? EXIT.usage;
  return EXIT.bug;
}

function byStatus(status: number): number {
  if (status === 401 || status === 403) return EXIT.notAllowed;
  if (status === 503 || status === 408 || status === 429) return EXIT.unreachable;
  if (status === 409 || status === 507) return EXIT.refused;
  return status >= 500 ? EXIT.bug : EXIT.usage;
}
