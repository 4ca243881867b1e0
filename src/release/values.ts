import { z } from 'zod';

import { parseDuration } from '../lib/duration.ts';
import type { FileCode } from './file-codes.ts';
import {
  DURATION_PATTERN,
  parsePercent,
  parsePoints,
  parseSize,
  PERCENT_PATTERN,
  POINTS_PATTERN,
  SIZE_PATTERN,
} from './units.ts';

/** Whose a key is, and with that when a change of it takes effect (docs/architecture.md, "Who owns what"). */
export type Owner = 'release' | 'scale' | 'policy' | 'door' | 'targets';

export type Kind =
  | 'duration'
  | 'percent'
  | 'points'
  | 'size'
  | 'count'
  | 'flag'
  | 'text'
  | 'choice'
  | 'shape';

/** What error messages, the docs and editors say about a value beyond its schema. */
export type Facts = {
  readonly kind: Kind;
  /** Completes "KEY must be …". */
  readonly what: string;
  /** For a value that does not have the form. */
  readonly code: FileCode;
  /** As it would be written in a file. */
  readonly default?: string | number | boolean;
  /** Where the default depends on something else: in words. */
  readonly defaultNote?: string;
  readonly owner?: Owner;
  /** Limits, both included, in the base unit: milliseconds, percent, percentage points, bytes, pieces. */
  readonly min?: number;
  readonly max?: number;
  readonly options?: readonly string[];
  /** What was probably meant by a value of the wrong form. */
  readonly suggest?: (value: unknown) => string | null;
  /** What is wrong with a value of the wrong form, where that can be said in a few words. */
  readonly note?: (value: unknown) => string | null;
};

type More = Partial<Omit<Facts, 'kind'>>;

/** Facts by schema: kept apart from zod's own registry so that they do not end up in the JSON Schema. */
export const FACTS = z.registry<Facts>();

const DAY_MS = 86_400_000;
/** Node's timers overflow past 24.8 days. */
const LONGEST_MS = 14 * DAY_MS;

export function duration(description: string, more: More = {}) {
  const facts: Facts = {
    kind: 'duration',
    what: 'a duration such as 30s, 5m or 1h30m',
    code: 'E013',
    min: 0,
    max: LONGEST_MS,
    ...more,
  };
  return z
    .union([z.string().regex(DURATION_PATTERN), z.literal(0)])
    .refine((value) => inRange(measure(value, 'duration'), facts))
    .describe(description)
    .register(FACTS, facts);
}

export function percent(description: string, more: More = {}) {
  const facts: Facts = {
    kind: 'percent',
    what: 'a percentage such as 5%',
    code: 'E014',
    min: 0.1,
    max: 100,
    ...more,
  };
  return z
    .string()
    .regex(PERCENT_PATTERN)
    .refine((value) => inRange(measure(value, 'percent'), facts))
    .describe(description)
    .register(FACTS, facts);
}

export function points(description: string, more: More = {}) {
  const facts: Facts = {
    kind: 'points',
    what: 'a difference in percentage points such as 0.5pp',
    code: 'E015',
    min: 0.001,
    max: 100,
    ...more,
  };
  return z
    .string()
    .regex(POINTS_PATTERN)
    .refine((value) => inRange(measure(value, 'points'), facts))
    .describe(description)
    .register(FACTS, facts);
}

export function size(description: string, more: More = {}) {
  const facts: Facts = {
    kind: 'size',
    what: 'a size such as 64KiB or 10MiB, or none',
    code: 'E035',
    min: 1,
    max: 1024 ** 4,
    ...more,
  };
  return z
    .union([z.string().regex(SIZE_PATTERN), z.literal('none')])
    .refine((value) => value === 'none' || inRange(measure(value, 'size'), facts))
    .describe(description)
    .register(FACTS, facts);
}

export function count(description: string, min: number, max: number, more: More = {}) {
  return z
    .int()
    .min(min)
    .max(max)
    .describe(description)
    .register(FACTS, {
      kind: 'count',
      what: `a whole number from ${min} to ${max}`,
      code: 'E008',
      min,
      max,
      ...more,
    });
}

export function flag(description: string, more: More = {}) {
  return z
    .boolean()
    .describe(description)
    .register(FACTS, { kind: 'flag', what: 'true or false', code: 'E009', ...more });
}

const LONGEST_TEXT = 16_384;

/** Text for a shell or a program: not empty, no control characters but tabs and line ends. */
export function text(description: string, more: More = {}) {
  return z
    .string()
    .max(LONGEST_TEXT)
    .refine((value) => value.trim() !== '' && !hasControls(value))
    .describe(description)
    .register(FACTS, { kind: 'text', what: 'text', code: 'E038', ...more });
}

export function choice<const T extends readonly [string, ...string[]]>(
  description: string,
  options: T,
  more: More = {},
) {
  return z
    .enum(options)
    .describe(description)
    .register(FACTS, {
      kind: 'choice',
      what: `one of ${options.join(', ')}`,
      code: 'E019',
      options,
      ...more,
    });
}

/** Text of a form of its own; `more` says which, under which code. */
export function pattern(description: string, form: RegExp, more: More & Pick<Facts, 'what' | 'code'>) {
  return z
    .string()
    .regex(form)
    .describe(description)
    .register(FACTS, { kind: 'shape', ...more });
}

/** The value in its base unit; undefined when it does not have the form. */
export function measure(value: unknown, kind: Kind): number | undefined {
  if (kind === 'count') return typeof value === 'number' ? value : undefined;
  if (kind === 'duration' && value === 0) return 0;
  if (typeof value !== 'string') return undefined;
  if (kind === 'duration') return DURATION_PATTERN.test(value) ? wholeMs(value) : undefined;
  if (kind === 'percent') return parsePercent(value);
  if (kind === 'points') return parsePoints(value);
  return kind === 'size' ? parseSize(value) : undefined;
}

function wholeMs(value: string): number | undefined {
  const ms = parseDuration(value);
  return ms === undefined ? undefined : Math.round(ms);
}

/** True as well for what has no measure: its form is reported, not its range. */
export function inRange(value: number | undefined, facts: Facts): boolean {
  if (value === undefined) return true;
  return value >= (facts.min ?? Number.NEGATIVE_INFINITY) && value <= (facts.max ?? Number.POSITIVE_INFINITY);
}

export function hasControls(value: string): boolean {
  // eslint-disable-next-line no-control-regex -- finding them is the point
  return /[\u0000-\u0008\u000b-\u001f\u007f]/.test(value);
}
