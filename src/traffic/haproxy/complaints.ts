import { OperatingError } from '../../lib/errors.ts';
import type { Route } from '../router.ts';

/** Paths in HAProxy's files stand within parentheses and in commands, where some characters end them. Error: STATE_DIR_UNUSABLE. */
export function checkRoot(root: string): void {
  if (/^[A-Za-z0-9._/-]+$/.test(root)) return;
  throw new OperatingError(
    'STATE_DIR_UNUSABLE',
    `${root} cannot stand in HAProxy's files: only letters, digits and . _ - / can. Name another directory with --state-dir.`,
    { retryable: false },
  );
}

export function notUsed(route: Route, used: number): OperatingError {
  return new OperatingError(
    'TRAFFIC_NOT_SERVED',
    `Revision ${route.revision} of ${route.service} is written, but HAProxy goes by ${used}. It is tried again.`,
    { retryable: true },
  );
}
