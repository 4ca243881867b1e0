import type { Phase } from '../src/rollout/state.ts';
import { FAULTS, type Fault } from './faults.ts';
import { VERBS, type TypedVerb } from './people.ts';

/** Compiles only while every phase of a rollout is in it. */
const EVERY_PHASE: Readonly<Record<Phase | 'none', true>> = {
  none: true,
  clearing: true,
  starting: true,
  probing: true,
  verifying: true,
  shifting: true,
  dwelling: true,
  asking: true,
  watching: true,
  returning: true,
  retiring: true,
};
export const PHASES = Object.keys(EVERY_PHASE) as readonly (Phase | 'none')[];

export type Row = Fault | `"${TypedVerb}"`;
export const ROWS: readonly Row[] = [...FAULTS, ...VERBS.map((verb) => `"${verb}"` as const)];

export type Cell = { readonly row: Row; readonly phase: Phase | 'none' };
export const CELLS: readonly Cell[] = ROWS.flatMap((row) => PHASES.map((phase) => ({ row, phase })));

/** By `row / phase`. */
export type Counts = ReadonlyMap<string, number>;

/** How often each fault struck, and each verb was typed, in each state of a rollout. */
export class Coverage {
  readonly #counts = new Map<string, number>();

  add(row: Row, phase: Phase | 'none'): void {
    const key = `${row} / ${phase}`;
    this.#counts.set(key, (this.#counts.get(key) ?? 0) + 1);
  }

  get counts(): Counts {
    return this.#counts;
  }

  addAll(counts: Counts): void {
    for (const [key, count] of counts) this.#counts.set(key, (this.#counts.get(key) ?? 0) + count);
  }

  of({ row, phase }: Cell): number {
    return this.#counts.get(`${row} / ${phase}`) ?? 0;
  }

  get empty(): readonly Cell[] {
    return CELLS.filter((cell) => this.of(cell) === 0);
  }

  table(): string {
    const head = ['', ...PHASES.map((phase) => (phase === 'none' ? 'no rollout' : phase))];
    const rows = ROWS.map((row) => [row, ...PHASES.map((phase) => String(this.of({ row, phase })))]);
    const widths = head.map((_, column) =>
      Math.max(...[head, ...rows].map((cells) => cells[column]!.length)),
    );
    const line = (cells: readonly string[]): string =>
      `| ${cells.map((cell, column) => (column === 0 ? cell.padEnd(widths[0]!) : cell.padStart(widths[column]!))).join(' | ')} |`;
    const rule = `|${widths.map((width, column) => (column === 0 ? '-'.repeat(width + 2) : `${'-'.repeat(width + 1)}:`)).join('|')}|`;
    return [line(head), rule, ...rows.map(line)].join('\n');
  }
}
