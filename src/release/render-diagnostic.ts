import type { Diagnostic } from './diagnostic.ts';
import { printable } from './problem.ts';

/** Characters of a source line that are shown; long lines are cut around the caret. */
const WIDTH = 140;

/**
 * ```
 * error[E017]: canary steps must grow
 *   --> bascule.yaml:12:26
 * 12 |         steps: [5%, 50%, 25%, 100%]
 *    |                          ^^^ smaller than the step before it (50%)
 *    = did you mean [5%, 25%, 50%, 100%]?        bascule explain E017
 * ```
 */
export function renderDiagnostic(diagnostic: Diagnostic): string {
  const number = String(diagnostic.line);
  const gutter = ' '.repeat(number.length);
  const { text, before } = window(diagnostic);
  const pad = Array.from(text)
    .slice(0, before)
    .map((character) => (character === '\t' ? '\t' : ' '))
    .join('');
  const carets = '^'.repeat(Math.min(diagnostic.length, Math.max(1, Array.from(text).length - before)));
  const note = diagnostic.note === '' ? '' : ` ${printable(diagnostic.note)}`;
  const explain = `bascule explain ${diagnostic.code}`;
  const hint = diagnostic.fix === null ? explain : `${printable(diagnostic.fix)}        ${explain}`;
  return [
    `error[${diagnostic.code}]: ${printable(diagnostic.message)}`,
    `${gutter}--> ${printable(diagnostic.file)}:${diagnostic.line}:${diagnostic.column}`,
    `${number} | ${text}`,
    `${gutter} | ${pad}${carets}${note}`,
    `${gutter} = ${hint}`,
    '',
  ].join('\n');
}

/** All of them, and how many there are. */
export function renderDiagnostics(diagnostics: readonly Diagnostic[]): string {
  const files = new Set(diagnostics.map((diagnostic) => diagnostic.file));
  const many = diagnostics.length === 1 ? '1 error' : `${diagnostics.length} errors`;
  return `${diagnostics.map(renderDiagnostic).join('\n')}\n${many} in ${[...files].map(printable).join(', ')}; nothing was changed\n`;
}

/** A workflow command that GitHub shows beside the line. */
export function renderAnnotation(diagnostic: Diagnostic): string {
  const properties = [
    `file=${property(diagnostic.file)}`,
    `line=${diagnostic.line}`,
    `col=${diagnostic.column}`,
    `endColumn=${diagnostic.column + diagnostic.length}`,
    `title=${property(`${diagnostic.code}: ${diagnostic.message}`)}`,
  ];
  const text = [diagnostic.message, diagnostic.note, diagnostic.fix, `bascule explain ${diagnostic.code}`];
  const lines = text.filter((part) => part !== null && part !== '');
  return `::error ${properties.join(',')}::${data(lines.join('\n'))}`;
}

function window(diagnostic: Diagnostic): { text: string; before: number } {
  const characters = Array.from(printable(diagnostic.sourceLine));
  const caret = diagnostic.column - diagnostic.sourceColumn;
  if (characters.length <= WIDTH) return { text: characters.join(''), before: caret };
  const from = Math.max(0, Math.min(caret - 60, characters.length - WIDTH));
  const cut = characters.slice(from, from + WIDTH);
  if (from > 0) cut[0] = '…';
  if (from + WIDTH < characters.length) cut[WIDTH - 1] = '…';
  return { text: cut.join(''), before: caret - from };
}

/** Escapes of GitHub's own toolkit (actions/toolkit, packages/core/src/command.ts). */
function data(text: string): string {
  return text.replaceAll('%', '%25').replaceAll('\r', '%0D').replaceAll('\n', '%0A');
}

function property(text: string): string {
  return data(text).replaceAll(':', '%3A').replaceAll(',', '%2C');
}
