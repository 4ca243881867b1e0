import type { RolloutView } from '../controller/views.ts';
import { printable } from '../release/problem.ts';
import { decimals, grouped, signed } from './format.ts';
import { flow, piece, segment, type Line, type Style } from './layout.ts';

type Verdict = NonNullable<RolloutView['verdict']>;
type Check = Verdict['checks'][number];
type Measure = NonNullable<Verdict['measures']>[number];
type Sides = { readonly candidate: string; readonly stable: string };

/** Width from which a check fits on one line; below, it takes two. */
const ONE_LINE = 100;
const MOST_LABEL = 14;

/**
 * ```
 *  ├ error-rate  v43 0.21%  v42 0.19%   +0.02pp [-0.33 … +0.37]  limit +0.50pp  ✔ not worse
 * ```
 */
export function renderChecks(
  { checks, measures = [] }: Pick<Verdict, 'checks' | 'measures'>,
  sides: Sides,
  width: number,
): Line[] {
  const rows = [
    ...checks.map((check) => rowOf(check, sides)),
    ...measures.map((one) => rowOfMeasure(one, sides)),
  ];
  const columns = [0, 1, 2, 3, 4, 5].map((column) =>
    Math.max(0, ...rows.map((row) => row.cells[column]!.length)),
  );
  const cell = (row: Row, column: number) => row.cells[column]!.padEnd(columns[column]!);
  return rows.flatMap((row, index) => {
    const last = index === rows.length - 1;
    const branch = piece(last ? ' └ ' : ' ├ ', 'dim');
    const name = piece(cell(row, 0));
    const values = piece(`  ${cell(row, 1)}  ${cell(row, 2)}`);
    const difference = piece(`  ${cell(row, 3)} ${cell(row, 4)}  ${cell(row, 5)}`);
    const mark = piece(`  ${row.mark}`, row.style);
    if (width >= ONE_LINE) return [[branch, name, values, difference, mark]];
    const below = piece(last ? '   ' : ' │ ', 'dim');
    return [
      [branch, name, values, mark],
      [below, piece(' '.repeat(columns[0]!)), difference],
    ];
  });
}

export const LOOK_MARKS = {
  pass: { mark: '✔', style: 'good' },
  fail: { mark: '✖', style: 'bad' },
  'no-data': { mark: '…', style: 'warn' },
} as const;

/** What a judge other than the bets found, a line each: ` ├ ✖ error-rate 3.1, limit 1 at most`. */
export function renderLooks(looks: Verdict['looks'], width: number): Line[] {
  return looks.flatMap((look, index) => {
    const { mark, style } = LOOK_MARKS[look.state];
    const branch = piece(index === looks.length - 1 ? ' └ ' : ' ├ ', 'dim');
    const words = segment(`${printable(look.name)} ${printable(look.says)}`);
    return flow([branch, piece(`${mark} `, style)], [words], { width, gap: 1 });
  });
}

type Row = { readonly cells: readonly string[]; readonly mark: string; readonly style: Style };

function rowOf(check: Check, sides: Sides): Row {
  const unit = check.unit === 'percent' ? '%' : 'ms';
  const apart = check.unit === 'percent' ? 'pp' : '%';
  const value = (side: string, one: number | null) =>
    one === null ? `${side} –` : `${side} ${check.unit === 'ms' ? grouped(one) : decimals(one)}${unit}`;
  const [lo, hi] = check.interval ?? [null, null];
  const interval = lo === null ? '' : `[${signed(lo)} … ${hi === null ? '?' : signed(hi)}]`;
  const difference = check.difference === null ? '' : `${signed(check.difference)}${apart}`;
  const limit = `limit ${signed(check.limit)}${apart}`;
  const cells = [
    printable(check.name),
    value(short(sides.candidate), check.candidate),
    value(short(sides.stable), check.stable),
    difference,
    interval,
    limit,
  ];
  return { cells, ...markOf(check) };
}

/** Counts for each 1,000 requests; against a number, the values alone and the number. */
export function rowOfMeasure(one: Measure, sides: Sides): Row {
  const { limit, kind, interval } = one;
  const each = limit.against === 'stable' && kind !== 'mean' ? '/1000' : '';
  const value = (side: string, number: number | null) =>
    `${short(side)} ${number === null ? '–' : `${decimals(number)}${each}`}`;
  const isByStable = limit.against === 'stable';
  const end = (number: number | null) =>
    number === null ? '?' : isByStable ? signed(number) : decimals(number + numberOf(limit));
  const cells = [
    printable(one.name),
    limit.against === 'failures' ? '' : value(sides.candidate, one.candidate),
    isByStable ? value(sides.stable, one.stable) : '',
    isByStable && one.difference !== null ? `${signed(one.difference)}%` : '',
    interval === null || interval.every((side) => side === null) ? '' : `[${interval.map(end).join(' … ')}]`,
    limitOf(limit),
  ];
  return { cells, ...markOfMeasure(one) };
}

function limitOf(limit: Measure['limit']): string {
  switch (limit.against) {
    case 'stable':
      return `limit ${signed(limit.harm === 'more' ? limit.percent : -limit.percent)}%`;
    case 'number':
      return `${limit.harm === 'above' ? 'max' : 'min'} ${limit.number}`;
    case 'failures':
      return `${limit.inARow} failures`;
  }
}

function numberOf(limit: Measure['limit']): number {
  return limit.against === 'number' ? limit.number : 0;
}

function markOfMeasure({ state, gap }: Measure): { readonly mark: string; readonly style: Style } {
  switch (state) {
    case 'worse':
      return { mark: '✖ worse', style: 'bad' };
    case 'not-worse':
      return { mark: '✔ not worse', style: 'good' };
    case 'undecided':
      return { mark: '… not decided yet', style: 'warn' };
    case 'waiting':
      return { mark: '… no window yet', style: 'warn' };
    default: {
      const words = { 'no-data': 'no data', 'not-a-number': 'not a number', 'source-down': 'source down' }[
        state
      ];
      const meant = { wait: 'waits', ignore: 'ignored', fail: 'fails' }[gap?.policy ?? 'wait'];
      const often = (gap?.windows ?? 1) > 1 ? ` ×${gap!.windows}` : '';
      return { mark: `! ${words}${often}, ${meant}`, style: 'warn' };
    }
  }
}

/** A version may be long; the table has to fit. */
function short(label: string): string {
  const characters = Array.from(label);
  return characters.length <= MOST_LABEL ? label : `${characters.slice(0, MOST_LABEL - 1).join('')}…`;
}

function markOf(check: Check): { readonly mark: string; readonly style: Style } {
  switch (check.state) {
    case 'worse':
      return { mark: '✖ worse', style: 'bad' };
    case 'not-worse':
      return { mark: '✔ not worse', style: 'good' };
    case 'no-data':
      return { mark: '… no data yet', style: 'warn' };
    case 'undecided': {
      const need =
        check.needRequests === null ? 'not decided yet' : `needs ~${grouped(check.needRequests)} req more`;
      return { mark: `… ${need}`, style: 'warn' };
    }
  }
}
