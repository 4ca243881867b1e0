export type OperatingErrorOptions = {
  /** Whether the same attempt may succeed later with nothing else changed; decided where the error is born. */
  readonly retryable: boolean;
  readonly cause?: unknown;
};

/**
 * What the world does to us: a refused connection, a full disk, a wrong argument. `code` is one of the table in
 * `release/codes.ts` (a test checks it). The message says what was attempted, what is true now, what to do next.
 */
export class OperatingError extends Error {
  override readonly name = 'OperatingError';
  readonly code: string;
  readonly retryable: boolean;

  constructor(code: string, message: string, options: OperatingErrorOptions) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.retryable = options.retryable;
  }
}

/** The text of anything thrown, for messages. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** Whether trying again may help; decided where the error was born. */
export function isRetryable(error: unknown): boolean {
  return error instanceof OperatingError && error.retryable;
}
