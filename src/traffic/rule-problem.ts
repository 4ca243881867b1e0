import type { Route } from './router.ts';

const METHOD = /^[A-Z]{1,20}$/;
const MAX_HOLD_MS = 60_000;
const MAX_HELD = 10_000;

/** What is wrong with a route's mirror or hold, or null; to be said in TRAFFIC_ROUTE_INVALID. */
export function ruleProblem({ mirror, hold }: Route): string | null {
  if (mirror !== undefined) {
    if (!(mirror.sharePercent >= 0 && mirror.sharePercent <= 100))
      return `a mirror of ${mirror.sharePercent} %`;
    if (mirror.methods.length === 0 || !mirror.methods.every((method) => METHOD.test(method)))
      return `a mirror of the methods ${mirror.methods.join(', ')}`;
  }
  if (hold === undefined) return null;
  if (!isWithin(hold.maxMs, MAX_HOLD_MS)) return `a hold of ${hold.maxMs}ms`;
  if (!isWithin(hold.maxRequests, MAX_HELD)) return `a hold of ${hold.maxRequests} requests`;
  return isWithin(hold.maxBytes, Number.MAX_SAFE_INTEGER) ? null : `a hold of ${hold.maxBytes} bytes`;
}

function isWithin(value: number, most: number): boolean {
  return Number.isInteger(value) && value >= 1 && value <= most;
}
