import { OperatingError } from '../../lib/errors.ts';
import type { Route } from '../router.ts';
import { ruleProblem } from '../rule-problem.ts';

/** Error: TRAFFIC_ROUTE_INVALID. */
export function checkRoute(route: Route): void {
  const percent = route.split?.sharePercent ?? 0;
  const isStep = Math.abs(percent * 10 - Math.round(percent * 10)) < 1e-9 && percent >= 0 && percent <= 100;
  const problem = isStep ? ruleProblem(route) : `a share of ${percent} %, where it goes in steps of 0.1 %`;
  if (problem !== null) throw unroutable(route.service, problem);
}

export function unroutable(service: string, problem: string): OperatingError {
  return new OperatingError(
    'TRAFFIC_ROUTE_INVALID',
    `The route of ${service} is unchanged: ${problem} cannot be routed.`,
    { retryable: false },
  );
}

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
