import type { FileCode } from './file-codes.ts';

/** Where a value stands in the file: `['services', 'shop', 'strategy', 'canary', 'steps', 2]`. */
export type Path = readonly (string | number)[];

/** Something wrong with a configuration, before its place in a text is known (the API has no text). */
export type Problem = {
  readonly code: FileCode;
  readonly path: Path;
  /** Whether the key or its value is to be marked. */
  readonly at: 'key' | 'value';
  /** One line: what is wrong. */
  readonly message: string;
  /** A few words beside the caret; may be empty. */
  readonly note: string;
  /** What to write instead, or null when only a person can know. */
  readonly fix: string | null;
};

/** `services.shop.strategy.canary.steps[2]`. */
export function formatPath(path: Path): string {
  return path
    .map((part) => (typeof part === 'number' ? `[${part}]` : `.${part}`))
    .join('')
    .replace(/^\./, '');
}

/** A value as it would stand in a file, short enough for a message. */
export function shown(value: unknown): string {
  const text = typeof value === 'string' ? value : (JSON.stringify(value) ?? String(value));
  const line = printable(text);
  return line.length > 60 ? `${line.slice(0, 57)}…` : line;
}

// eslint-disable-next-line no-control-regex -- finding them is the point
const UNSEEN = /[\u0000-\u0008\u000a-\u001f\u007f-\u009f\u2028\u2029\u202a-\u202e\u2066-\u2069]/g;

/** Text for a terminal: control characters, which could move its cursor or colour it, become a visible mark. */
export function printable(text: string): string {
  return text.replaceAll(UNSEEN, '·');
}
