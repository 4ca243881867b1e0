import { OperatingError } from '../lib/errors.ts';
import { parseDuration } from '../lib/duration.ts';
import { printable } from '../release/problem.ts';

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

/**
 * A moment: `2026-11-30T08:00+01:00`, or `2026-11-30 08:00` in the time zone of this machine; the time may be left away
 * for midnight. Milliseconds since 1970.
 */
export function timeOf(option: string, value: string | boolean): number {
  const match =
    typeof value === 'string'
      ? /^(\d{4}-\d{2}-\d{2})(?:[T ](\d{2}:\d{2})(:\d{2})?)?(Z|[+-]\d{2}:\d{2})?$/.exec(value)
      : null;
  const [, day, minute = '00:00', second = ':00', zone = ''] = match ?? [];
  const atMs = match === null ? Number.NaN : Date.parse(`${day}T${minute}${second}${zone}`);
  // JavaScript takes 30 February for 2 March.
  if (Number.isFinite(atMs) && Number(day!.slice(8)) <= daysIn(day!)) return atMs;
  throw wrong(
    `${option} takes a moment such as "2026-11-30 08:00" or 2026-11-30T08:00+01:00, not "${printable(String(value))}".`,
  );
}

function daysIn(day: string): number {
  return new Date(Date.UTC(Number(day.slice(0, 4)), Number(day.slice(5, 7)), 0)).getUTCDate();
}

/** Why somebody does it. */
export function reasonOf(value: string | boolean | undefined): string | null {
  if (value === undefined) return null;
  const text = typeof value === 'string' ? value.trim() : '';
  if (text !== '' && text.length <= 500) return text;
  throw wrong(`--reason takes a sentence of 1 to 500 characters.`);
}

/** The reason for which a freeze is overridden, or null. */
export function overrideOf(options: Readonly<Record<string, string | boolean | undefined>>): string | null {
  const reason = reasonOf(options['reason']);
  const overrides = options['overrideFreeze'] === true;
  if (overrides === (reason !== null)) return reason;
  throw wrong(
    overrides
      ? "--override-freeze needs a reason: --reason '…'."
      : '--reason says why a freeze is overridden: it needs --override-freeze.',
  );
}

export function oneOf<T extends string>(option: string, value: string | boolean, known: readonly T[]): T {
  const found = known.find((one) => one === value);
  if (found !== undefined) return found;
  throw wrong(`${option} is one of ${known.join(', ')}, not "${value}".`);
}

/** What requests about a service are addressed to. */
export function ofService(name: string | undefined): { readonly service: string } {
  if (name !== undefined && /^[a-z](?:[a-z0-9-]{0,38}[a-z0-9])?$/.test(name)) return { service: name };
  throw wrong(
    `"${printable(name ?? '')}" cannot be the name of a service: lowercase letters, digits and dashes, such as shop.`,
  );
}

/** What requests about a rollout are addressed to. */
export function ofRollout(id: string | undefined): { readonly rollout: string } {
  if (id !== undefined && /^r-[A-Za-z0-9._-]{1,100}$/.test(id)) return { rollout: id };
  throw wrong(
    `"${printable(id ?? '')}" cannot be the id of a rollout, such as r-0193; "bascule history" lists them.`,
  );
}

/** A version; unique per service. */
export function versionOf(option: string, value: string): string {
  if (/^[A-Za-z0-9][A-Za-z0-9._+-]{0,99}$/.test(value)) return value;
  throw wrong(`${option} takes letters, digits and . _ + -, at most 100 of them, not "${printable(value)}".`);
}

export function planId(value: string): string {
  if (/^p-[A-Za-z0-9-]{1,40}$/.test(value)) return value;
  throw wrong(
    `--plan takes the id of a plan, such as p-7f3a, not "${printable(value)}"; "bascule plan" makes one.`,
  );
}

/** How a result is to be written; not both at once. */
export function jsonOrMarkdown(
  json: boolean,
  options: Readonly<Record<string, string | boolean | undefined>>,
): 'json' | 'markdown' | 'text' {
  if (options['markdown'] !== true) return json ? 'json' : 'text';
  if (json) throw wrong('Give --json or --markdown, not both.');
  return 'markdown';
}
