import type { FileCode } from './file-codes.ts';
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
  /** The line itself, without its end. */
  readonly sourceLine: string;
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

export function diagnosticAt(lines: Lines, span: Span, words: Words): Diagnostic {
  const start = Math.min(Math.max(span[0], 0), lines.text.length);
  const line = lineOf(lines, start);
  const from = lines.starts[line]!;
  const sourceLine = lines.text
    .slice(from, lines.starts[line + 1] ?? lines.text.length)
    .replace(/\r?\n$/, '');
  const inLine = Math.min(start - from, sourceLine.length);
  const marked = sourceLine.slice(inLine, Math.max(span[1] - from, inLine)).trimEnd();
  return {
    code: words.code,
    file: lines.file,
    line: line + 1,
    column: Array.from(sourceLine.slice(0, inLine)).length + 1,
    length: Math.max(1, Array.from(marked).length),
    message: words.message,
    note: words.note,
    fix: words.fix,
    sourceLine,
  };
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
