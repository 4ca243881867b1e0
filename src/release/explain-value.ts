import { unreachable } from '../lib/assert.ts';
import { formatDuration } from '../lib/duration.ts';
import type { FileCode } from './file-codes.ts';
import { nearest } from './nearest.ts';
import { shown } from './problem.ts';
import { formatPercent, formatPoints, formatSize } from './units.ts';
import { hasControls, inRange, measure, type Facts } from './values.ts';

/** What a person is told about a value, without its place. */
export type Explanation = {
  readonly code: FileCode;
  readonly message: string;
  readonly note: string;
  readonly fix: string | null;
};

/** Why `value` is not what `facts` ask for. `name` is its key. Called only for values that the schema refused. */
export function explainValue(value: unknown, facts: Facts, name: string): Explanation {
  const must = `${name} must be ${facts.what}`;
  if (value === null) {
    return {
      code: 'E008',
      message: must,
      note: 'nothing is written here',
      fix:
        facts.default === undefined && facts.defaultNote === undefined
          ? 'write a value'
          : `write a value, or take ${name} out`,
    };
  }
  if (typeof value === 'object' && facts.kind !== 'shape') {
    const kind = Array.isArray(value) ? 'this is a list' : 'this is a mapping';
    return {
      code: 'E008',
      message: must,
      note: kind,
      fix: facts.kind === 'text' ? meant(joined(value)) : null,
    };
  }
  const measured = measure(value, facts.kind);
  if (measured !== undefined && !inRange(measured, facts)) return outOfRange(measured, facts, name);
  if (facts.kind === 'text') return aboutText(value, must, name);
  if (facts.kind === 'count' || facts.kind === 'flag') {
    return { code: facts.code, message: must, note: `this is ${aKind(value)}`, fix: suggested(value, facts) };
  }
  const note = noteOn(value, facts);
  return { code: facts.code, message: must, note, fix: suggested(value, facts) };
}

function noteOn(value: unknown, facts: Facts): string {
  if (Array.isArray(value) && facts.max !== undefined && facts.what.startsWith('a list')) {
    return value.length === 0 ? 'the list is empty' : `the list is longer than ${facts.max}`;
  }
  if (typeof value === 'object') return `this is ${aKind(value)}`;
  const known = facts.note?.(value) ?? null;
  if (known !== null) return known;
  // Whoever writes a secret out should not find it in a log as well.
  return facts.code === 'E028' ? 'this is not a reference' : `${shown(value)} is not`;
}

/** What was probably meant, by kind of value. */
function suggested(value: unknown, facts: Facts): string | null {
  switch (facts.kind) {
    case 'duration':
      return meant(bareNumber(value, (number) => `${number}s, ${number}m`) ?? sloppyDuration(value));
    case 'percent':
      return meant(bareNumber(value, percentOrFraction));
    case 'points':
      return meant(bareNumber(String(value).replace(/%$/, ''), (number) => `${number}pp`));
    case 'size':
      return meant(bareNumber(value, bytesOrMiB) ?? iec(value));
    case 'count':
      return wholeNumber(value);
    case 'flag':
      return meant(truth(value));
    case 'text':
      return null;
    case 'choice':
    case 'shape':
      return typeof value === 'object' ? null : meant(facts.suggest?.(value) ?? nearestOption(value, facts));
    default:
      return unreachable(facts.kind);
  }
}

function outOfRange(measured: number, facts: Facts, name: string): Explanation {
  const write = WRITTEN[facts.kind] ?? String;
  const low = measured < facts.min!;
  return {
    code: 'E020',
    message: `${name} must be from ${write(facts.min!)} to ${write(facts.max!)}`,
    note: low ? `less than ${write(facts.min!)}` : `more than ${write(facts.max!)}`,
    fix: null,
  };
}

const WRITTEN: Partial<Record<Facts['kind'], (value: number) => string>> = {
  duration: formatDuration,
  percent: formatPercent,
  points: formatPoints,
  size: formatSize,
};

function aboutText(value: unknown, must: string, name: string): Explanation {
  if (typeof value !== 'string') {
    return {
      code: 'E008',
      message: must,
      note: `this is ${aKind(value)}`,
      fix: `put it in quotes: "${shown(value)}"`,
    };
  }
  if (value.trim() === '') return { code: 'E038', message: `${name} is empty`, note: 'empty', fix: null };
  const why = hasControls(value) ? 'holds a control character' : 'longer than 16,384 characters';
  return { code: 'E038', message: `${name} is not usable text`, note: why, fix: null };
}

function aKind(value: unknown): string {
  if (Array.isArray(value)) return 'a list';
  if (typeof value === 'object') return 'a mapping';
  if (typeof value === 'number') return Number.isInteger(value) ? 'a number' : 'not a whole number';
  return typeof value === 'boolean' ? 'true or false' : `text: ${shown(value)}`;
}

function bareNumber(value: unknown, write: (number: number) => string): string | null {
  const number =
    typeof value === 'number' ? value : /^\d+(?:\.\d+)?$/.test(String(value)) ? Number(value) : Number.NaN;
  return Number.isFinite(number) && number > 0 ? write(number) : null;
}

function percentOrFraction(number: number): string {
  return number < 1 ? `${Math.round(number * 1e6) / 1e4}%, ${number}%` : `${number}%`;
}

/** A number of at least a KiB is surely one of bytes. */
function bytesOrMiB(number: number): string {
  return number >= 1024 ? formatSize(number) : `${number}MiB`;
}

/** `30sec`, `5 min`, `2 hours`. */
function sloppyDuration(value: unknown): string | null {
  const match = /^(\d+(?:\.\d+)?)\s*(ms|msec|s|secs?|seconds?|m|mins?|minutes?|h|hrs?|hours?|d|days?)$/i.exec(
    String(value),
  );
  if (match === null) return null;
  const unit = match[2]!.toLowerCase();
  return `${match[1]}${unit.startsWith('ms') ? 'ms' : unit[0]}`;
}

/** A command as a list, as other tools take it. */
function joined(value: object): string | null {
  const isList = Array.isArray(value) && value.length > 0 && value.every((part) => typeof part !== 'object');
  return isList ? shown(value.join(' ')) : null;
}

/** `64M`, `64mb`, `64 MiB`: what people write for sizes. */
function iec(value: unknown): string | null {
  const match = /^(\d+)\s*([kmg])i?b?$/i.exec(String(value));
  return match === null ? null : `${match[1]}${match[2]!.toUpperCase()}iB`;
}

function wholeNumber(value: unknown): string | null {
  return typeof value === 'string' && /^\d{1,6}$/.test(value) ? `write ${value} without quotes` : null;
}

function truth(value: unknown): string | null {
  const word = String(value).toLowerCase();
  if (['yes', 'on', 'y', 'true', '1'].includes(word)) return 'true';
  return ['no', 'off', 'n', 'false', '0'].includes(word) ? 'false' : null;
}

function nearestOption(value: unknown, facts: Facts): string | null {
  return typeof value === 'string' ? nearest(value, facts.options ?? []) : null;
}

function meant(text: string | null): string | null {
  return text === null ? null : `did you mean ${text.replace(/, (\S+)$/, ' or $1')}?`;
}
