import type { CodeEntry } from './code-entry.ts';
import { CODES } from './codes.ts';
import { nearest } from './nearest.ts';

const TABLE: Readonly<Record<string, CodeEntry>> = CODES;

/** What `bascule explain CODE` prints, or null when there is no such code. Lower case is fine. */
export function explain(code: string): string | null {
  const key = code.trim().toUpperCase();
  const entry = Object.hasOwn(TABLE, key) ? TABLE[key]! : null;
  return entry === null ? null : `${key}: ${entry.title}\n\n  why   ${entry.cause}\n  do    ${entry.fix}\n`;
}

/** The code that was probably meant, or null. */
export function nearestCode(code: string): string | null {
  const codes = Object.keys(TABLE);
  const guess = nearest(
    code.trim(),
    codes.map((key) => key.toLowerCase().replaceAll('_', '-')),
  );
  return codes.find((key) => key.toLowerCase().replaceAll('_', '-') === guess) ?? null;
}

/** docs/errors.md. */
export function renderErrors(): string {
  const codes = Object.keys(TABLE).sort();
  const file = codes.filter((code) => /^E\d+$/.test(code));
  const world = codes.filter((code) => !file.includes(code));
  return [
    '# Errors',
    '',
    'Every error has a code. `bascule explain CODE` says what stands here. Codes are never reused.',
    'This page is generated from the table in `src/release/codes.ts`: `npm run generate`.',
    '',
    '## In the file',
    '',
    ...file.flatMap(section),
    '## While running',
    '',
    ...world.flatMap(section),
  ].join('\n');
}

function section(code: string): readonly string[] {
  const { title, cause, fix } = TABLE[code]!;
  return [`### ${code}: ${title}`, '', cause, '', `**Do:** ${fix}`, ''];
}
