import { OperatingError } from '../lib/errors.ts';
import { parseDuration } from '../lib/duration.ts';

/** Values of options and arguments. Each throws USAGE with what was expected and what came. */

function wrong(message: string): OperatingError {
  return new OperatingError('USAGE', `${message} Nothing was done.`, { retryable: false });
}

export function wholeNumber(option: string, value: string | boolean, least: number): number {
  const number = Number(value);
  if (typeof value === 'string' && /^\d{1,9}$/.test(value) && number >= least) return number;
  throw wrong(`${option} takes a whole number of at least ${least}, not "${value}".`);
}

/** `25`, `25%`, `12.5%`: from 0 to 100, in steps of 0.1. */
export function percentOf(value: string): number {
  const match = /^(\d{1,3}(?:\.(\d+))?)%?$/.exec(value);
  const percent = Number(match?.[1]);
  if (match === null || percent > 100)
    throw wrong(`A share is a percentage from 0 to 100, such as 25 or 12.5%, not "${value}".`);
  if ((match[2] ?? '').length > 1) throw wrong(`Shares come in steps of 0.1 %, and ${value} is finer.`);
  return percent;
}

export function durationOf(option: string, value: string | boolean): number {
  const ms = typeof value === 'string' ? parseDuration(value) : undefined;
  if (ms !== undefined && ms > 0) return ms;
  const unit = /^\d+$/.test(String(value)) ? `; did you mean ${value}s or ${value}m?` : '.';
  throw wrong(`${option} takes a duration with its unit, such as 90s or 30m, not "${value}"${unit}`);
}

export function oneOf<T extends string>(option: string, value: string | boolean, known: readonly T[]): T {
  const found = known.find((one) => one === value);
  if (found !== undefined) return found;
  throw wrong(`${option} is one of ${known.join(', ')}, not "${value}".`);
}
