/** Lines of text with styles that know how wide they are. Pure. */

export const STYLES = { plain: '', good: '32', bad: '31', warn: '33', dim: '2', bold: '1' } as const;
export type Style = keyof typeof STYLES;
export type Piece = { readonly text: string; readonly style: Style };
/** Pieces that stay together on one line. */
export type Segment = readonly Piece[];
export type Line = readonly Piece[];

export function piece(text: string, style: Style = 'plain'): Piece {
  return { text, style };
}

export function segment(text: string, style: Style = 'plain'): Segment {
  return [piece(text, style)];
}

/** Columns that text takes: every character that is used here takes one. */
export function widthOf(pieces: readonly Piece[]): number {
  return pieces.reduce((width, { text }) => width + Array.from(text).length, 0);
}

/**
 * Segments one after another, on as few lines as fit; those that follow begin at `indent`. A segment that is wider than
 * a line is broken at spaces.
 */
export function flow(
  head: Segment,
  segments: readonly Segment[],
  shape: { readonly width: number; readonly gap: number },
): Line[] {
  const indent = widthOf(head);
  const pad = piece(' '.repeat(indent));
  const lines: Piece[][] = [[...head]];
  let at = indent;
  for (const one of segments.flatMap((each) => broken(each, shape.width - indent))) {
    const size = widthOf(one);
    const gap = at === indent ? 0 : shape.gap;
    if (at + gap + size > shape.width && at > indent) {
      lines.push([pad, ...one]);
      at = indent + size;
      continue;
    }
    if (gap > 0) lines.at(-1)!.push(piece(' '.repeat(gap)));
    lines.at(-1)!.push(...one);
    at += gap + size;
  }
  return lines;
}

/** Parts of a segment of one piece that is too wide. */
function broken(one: Segment, width: number): readonly Segment[] {
  const [only] = one;
  if (widthOf(one) <= width || one.length !== 1 || only === undefined) return [one];
  const parts: string[] = [];
  let part = '';
  for (const word of only.text.split(' ')) {
    if (part !== '' && Array.from(part).length + 1 + Array.from(word).length > width) {
      parts.push(part);
      part = word;
    } else part = part === '' ? word : `${part} ${word}`;
  }
  return [...parts, part].map((text) => segment(text, only.style));
}

/** The line as text, cut to the width. */
export function paint(line: Line, options: { readonly colour: boolean; readonly width: number }): string {
  let room = options.width;
  let text = '';
  for (const one of line) {
    const characters = Array.from(one.text);
    const shown =
      characters.length > room ? `${characters.slice(0, Math.max(0, room - 1)).join('')}…` : one.text;
    if (room <= 0) break;
    room -= characters.length;
    const code = STYLES[one.style];
    text += options.colour && code !== '' ? `\u001b[${code}m${shown}\u001b[0m` : shown;
  }
  return text.trimEnd();
}
