import { printable } from '../release/problem.ts';

/** Words and numbers for people. Pure. */

/** The lines of a reason: what was decided, then what was found. */
export function linesOf(reason: string): readonly string[] {
  return reason.split('\n').map((line) => printable(line));
}

/** What was decided, without what was found: for places with room for one line. */
export function headOf(reason: string): string {
  return reason.includes('\n') ? linesOf(reason)[0]!.replace(/:$/u, '') : printable(reason);
}

/** `3230` -> `3 230`. */
export function grouped(count: number): string {
  return String(Math.round(count)).replaceAll(/\B(?=(\d{3})+$)/g, ' ');
}

/** Two decimals below 1, one below 10, none above; no trailing zeros lost, so that columns stand. */
export function decimals(value: number): string {
  const size = Math.abs(value);
  return value.toFixed(size < 1 ? 2 : size < 10 ? 1 : 0);
}

export function signed(value: number): string {
  const text = decimals(Math.abs(value));
  return `${value < 0 && Number(text) !== 0 ? '-' : '+'}${text}`;
}

/** `14:01:07` in the given zone. */
export function clockTime(atMs: number, timeZone: string | undefined): string {
  return new Intl.DateTimeFormat('en-GB', {
    hour: '2-digit',
    minute: '2-digit',
    second: '2-digit',
    ...(timeZone !== undefined && { timeZone }),
  }).format(atMs);
}

/** `2026-03-04 14:01` in the given zone. */
export function dayTime(atMs: number, timeZone: string | undefined): string {
  return new Intl.DateTimeFormat('sv-SE', {
    year: 'numeric',
    month: '2-digit',
    day: '2-digit',
    hour: '2-digit',
    minute: '2-digit',
    ...(timeZone !== undefined && { timeZone }),
  }).format(atMs);
}
