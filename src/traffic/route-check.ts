import { OperatingError } from '../lib/errors.ts';
import type { Route } from './router.ts';
import { ruleProblem } from './rule-problem.ts';

/** For proxies that draw among a thousand buckets. Error: TRAFFIC_ROUTE_INVALID. */
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
