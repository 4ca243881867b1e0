/** What `bascule explain CODE` says. Codes are never reused; docs/errors.md lists the same (a test compares them). */
export type CodeEntry = {
  /** One line: what it is. */
  readonly title: string;
  /** What leads to it. */
  readonly cause: string;
  /** What to do. */
  readonly fix: string;
};
