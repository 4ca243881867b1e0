import type { FailureKind } from './counts.ts';
import { CLASS, type ClassIndex } from './tally.ts';

/** Of one second and one counter (a worker, a log): examples, no log. */
export const MOST_FAILED = 5;
const MOST_SEGMENTS = 4;

/** The kind of a class, or null for what is no failure of the version. */
export function failureKind(classIndex: ClassIndex): FailureKind | null {
  if (classIndex === CLASS.serverError) return 'serverError';
  if (classIndex === CLASS.connectFailure) return 'connectFailure';
  return classIndex === CLASS.timeout ? 'timeout' : null;
}

/**
 * The path of a request target as it may be kept: without query, at most four segments, and of those only such as are made of
 * letters, like the names of pages (`/orders/∗/pay`). Numbers, tokens and addresses of people become a star.
 */
export function shownPath(target: string): string {
  const path = target.replace(/^[a-z]+:\/\/[^/?#]*/i, '').split(/[?#]/, 1)[0]!;
  const segments = path.split('/').slice(1);
  const shown = segments.slice(0, MOST_SEGMENTS).map((segment) => (isName(segment) ? segment : '*'));
  return `/${shown.join('/')}${segments.length > MOST_SEGMENTS ? '/…' : ''}`;
}

function isName(segment: string): boolean {
  return segment === '' || /^(?:v\d{1,2}|[a-z][a-z_-]{0,29}(?:\.[a-z]{1,5})?)$/i.test(segment);
}
