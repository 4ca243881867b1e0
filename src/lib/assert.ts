/** A bug, never the world's doing: the process may not go on as if it had not happened. */
export class BugError extends Error {
  override readonly name = 'BugError';
}

/** States what only a bug can break. On in production: a wrong release decision is worse than a stop. */
export function assert(condition: unknown, message: string): asserts condition {
  if (!condition) throw new BugError(`this is a bug in Bascule: ${message}`);
}

/** For the default branch of a switch over a closed union. */
export function unreachable(value: never): never {
  throw new BugError(`this is a bug in Bascule: unexpected value ${JSON.stringify(value)}`);
}
