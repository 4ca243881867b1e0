import type { FileCode } from './file-codes.ts';
import { printable } from './problem.ts';
import type { Span } from './yaml-tree.ts';

/** One mistake with its place, as commands print it and as CI shows it beside the line. */
export type Diagnostic = {
  readonly code: FileCode;
  readonly file: string;
  /** From 1. */
  readonly line: number;
  /** From 1, in characters. */
  readonly column: number;
  /** Characters under the caret, at least 1; never beyond the line. */
  readonly length: number;
  readonly message: string;
  /** Beside the caret; may be empty. */
  readonly note: string;
  readonly fix: string | null;
  /** The line itself, without its end; of a long line, what stands around the caret. */
  readonly sourceLine: string;
  /** Column of the first character of `sourceLine`: 1, unless the line was cut. */
  readonly sourceColumn: number;
};

export type Words = Pick<Diagnostic, 'code' | 'message' | 'note' | 'fix'>;

/** Line starts of a text: finds places in it. */
export type Lines = { readonly file: string; readonly text: string; readonly starts: readonly number[] };

export function linesOf(file: string, text: string): Lines {
  const starts = [0];
  for (let index = text.indexOf('\n'); index >= 0; index = text.indexOf('\n', index + 1))
    starts.push(index + 1);
  return { file, text, starts };
}

/** UTF-16 units of a long line that are kept on both sides of the caret. */
const AROUND = 500;
const MOST_WORDS = 300;

export function diagnosticAt(lines: Lines, span: Span, words: Words): Diagnostic {
  const start = Math.min(Math.max(span[0], 0), lines.text.length);
  const line = lineOf(lines, start);
  const from = lines.starts[line]!;
  const whole = lines.text.slice(from, lines.starts[line + 1] ?? lines.text.length).replace(/\r?\n$/, '');
  const inLine = Math.min(start - from, whole.length);
  const marked = whole.slice(inLine, Math.min(Math.max(span[1] - from, inLine), inLine + AROUND)).trimEnd();
  const cutAt = whole.length <= 2 * AROUND ? 0 : beforePair(whole, Math.max(0, inLine - AROUND));
  const cutEnd = whole.length <= 2 * AROUND ? whole.length : beforePair(whole, inLine + AROUND);
  return {
    code: words.code,
    file: lines.file,
    line: line + 1,
    column: charactersIn(whole, inLine) + 1,
    length: Math.max(1, Array.from(marked).length),
    message: oneLine(words.message),
    note: oneLine(words.note),
    fix: words.fix === null ? null : oneLine(words.fix),
    sourceLine: whole.slice(cutAt, cutEnd),
    sourceColumn: charactersIn(whole, cutAt) + 1,
  };
}

/** Words of the file itself may be in it: as many as fit a screen, and none that steers a terminal. */
function oneLine(text: string): string {
  return printable(text.length <= MOST_WORDS ? text : `${text.slice(0, MOST_WORDS - 1)}…`);
}

/** Characters before the offset; a pair of surrogates is one. */
function charactersIn(text: string, end: number): number {
  let count = end;
  for (let index = 1; index < end; index += 1) if (splitsPair(text, index)) count -= 1;
  return count;
}

function beforePair(text: string, index: number): number {
  return splitsPair(text, index) ? index - 1 : index;
}

function splitsPair(text: string, index: number): boolean {
  const [before, after] = [text.charCodeAt(index - 1), text.charCodeAt(index)];
  return before >= 0xd800 && before <= 0xdbff && after >= 0xdc00 && after <= 0xdfff;
}

/** Index of the line that holds the offset. */
function lineOf(lines: Lines, offset: number): number {
  let low = 0;
  let high = lines.starts.length - 1;
  while (low < high) {
    const middle = Math.ceil((low + high) / 2);
    if (lines.starts[middle]! <= offset) low = middle;
    else high = middle - 1;
  }
  return low;
}
