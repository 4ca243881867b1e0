import type { Io } from './io.ts';
import { paint, type Line } from './layout.ts';

export type Stream = 'out' | 'err';

export function isTerminal(io: Io, stream: Stream): boolean {
  return stream === 'out' ? io.outIsTerminal : io.errIsTerminal;
}

/** Off a terminal lines are as long as they are, up to this, or to COLUMNS where somebody set it. */
const MOST_COLUMNS = 120;

export function widthFor(io: Io, stream: Stream): number {
  const asked = isTerminal(io, stream) ? io.size().columns : Number(io.env['COLUMNS'] || MOST_COLUMNS);
  return Number.isFinite(asked) ? Math.min(Math.max(asked, 40), MOST_COLUMNS) : MOST_COLUMNS;
}

function coloured(io: Io, stream: Stream): boolean {
  const { NO_COLOR } = io.env;
  return isTerminal(io, stream) && (NO_COLOR === undefined || NO_COLOR === '') && io.env['TERM'] !== 'dumb';
}

export function print(io: Io, stream: Stream, lines: readonly Line[]): void {
  const colour = coloured(io, stream);
  const width = isTerminal(io, stream) ? Math.max(io.size().columns, 40) : Infinity;
  for (const line of lines) io[stream](`${paint(line, { colour, width })}\n`);
}

/** A block at the bottom of the terminal that is drawn anew in its place; lines can be printed above it. */
export class LiveBlock {
  readonly #io: Io;
  readonly #stream: Stream;
  #height = 0;

  constructor(io: Io, stream: Stream) {
    this.#io = io;
    this.#stream = stream;
  }

  draw(lines: readonly Line[], above: readonly string[] = []): void {
    const { columns, rows } = this.#io.size();
    const colour = coloured(this.#io, this.#stream);
    // A block higher than the terminal could not be drawn over again.
    const shown = lines
      .slice(0, Math.max(1, rows - 1))
      .map((line) => paint(line, { colour, width: columns }));
    const text = [...above, ...shown].map((line) => `${line}\u001b[K\n`).join('');
    this.#io[this.#stream](`${this.#back()}${text}\u001b[J`);
    this.#height = shown.length;
  }

  /** Takes the block away, so that what is printed next stands in its place. */
  clear(): void {
    this.#io[this.#stream](`${this.#back()}\u001b[J`);
    this.#height = 0;
  }

  /** Leaves the block as it stands. */
  end(): void {
    this.#height = 0;
  }

  #back(): string {
    return this.#height === 0 ? '' : `\u001b[${this.#height}F`;
  }
}
