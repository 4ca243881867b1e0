import type { MeasureResult } from './describe-measure.ts';

/** `signups -31% [-45 … -18] is more than 10% fewer than stable's, after 5 windows (2.8 of 1 000 requests, stable 4.1)`. */
export function measureReason(result: MeasureResult): string {
  const { limit, windows, candidate, stable, kind } = result;
  const after = `after ${windows} ${windows === 1 ? 'window' : 'windows'}`;
  switch (limit.against) {
    case 'stable': {
      const each = kind === 'mean' ? '' : ' for each 1 000 requests';
      const values = `${plain(candidate)}${each}, stable ${plain(stable)}`;
      return `${measureWords(result)} is ${limit.harm} than stable's by over ${limit.percent}%, ${after} (${values})`;
    }
    case 'number':
      return `${measureWords(result)} is ${limit.harm} ${limit.number}, ${after}`;
    case 'failures':
      return `${result.name} failed`;
  }
}

/** `signups -31% [-45 … -18]`; with a number as its limit `queue 14 [12 … ?]`; `smoke` alone. */
export function measureWords({ name, limit, candidate, difference, interval }: MeasureResult): string {
  if (limit.against === 'failures') return name;
  if (limit.against === 'number') {
    const ends = interval?.map((end) => (end === null ? '?' : plain(end + limit.number)));
    return `${name} ${plain(candidate)}${ends === undefined ? '' : ` [${ends.join(' … ')}]`}`;
  }
  const shown = difference === null ? 'no value yet' : `${signed(difference)}%`;
  const ends = interval?.map((end) => (end === null ? '?' : signed(end)));
  return `${name} ${shown}${ends === undefined ? '' : ` [${ends.join(' … ')}]`}`;
}

function plain(value: number | null): string {
  return value === null ? '?' : String(Number(value.toPrecision(3)));
}

function signed(value: number): string {
  const text = plain(Math.abs(value) >= 10 ? Math.round(value) : value);
  return value >= 0 ? `+${text}` : text;
}
