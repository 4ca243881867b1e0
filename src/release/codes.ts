import { API_CODES } from './api-codes.ts';

/** What `bascule explain CODE` says. Codes are never reused; docs/errors.md lists the same (a test compares them). */
export type CodeEntry = {
  /** One line: what it is. */
  readonly title: string;
  /** What leads to it. */
  readonly cause: string;
  /** What to do. */
  readonly fix: string;
};

/** The one table of codes: `E…` for what is written in a file, names for what the world does. */
export const CODES = {
  // release: the file

  // journal

  // traffic

  // workload

  // controller and http
  ...API_CODES,
} as const satisfies Record<string, CodeEntry>;
