import type { Measure } from '../release/measure.ts';
import type { Release } from '../release/release.ts';
import type { SlotName } from '../release/slot.ts';
import type { NoValue } from './measured.ts';

/**
 * What was measured elsewhere. What the world does is an answer here, never an error: a source that is down, says nothing or
 * says no number is a state of its own, with a policy of its own, and must be able to end neither in "pass" nor in "fail" by accident.
 */
export type MetricSource = {
  /**
   * One number about one side for one window, or why there is none. Resolves at the latest when `signal` aborts. No part of
   * the answer holds a password or token. Never throws for what the world does.
   */
  sample(query: MeasureQuery, window: MeasureWindow, signal: AbortSignal): Promise<MeasureSample>;
  /** Whether it can be reached and takes our credentials: null, or one sentence with what is wrong. Never throws for that either. */
  check(signal: AbortSignal): Promise<string | null>;
};

/** Every source that measures may ask. */
export type SourceSet = {
  /** The source, or one sentence with why there is none: a name that the server's file does not have, for example. */
  of(measure: Pick<Measure, 'source' | 'from'>): MetricSource | string;
  readonly pushed: PushedValues;
};

/** Numbers that applications send of their own accord, kept for a while in memory. */
export type PushedValues = {
  /** What does not fit any more makes room for what is newer. */
  add(values: readonly PushedValue[]): void;
};

export type PushedValue = {
  readonly service: string;
  readonly version: string;
  readonly name: string;
  /** Sum of what was observed, and of how many; for a counter both are what was counted since the last time. */
  readonly sum: number;
  readonly count: number;
};

export type MeasureQuery = {
  /** PromQL, NRQL, Flux, SQL, a metric, a URL, a command or a name, with every {{…}} filled in. */
  readonly text: string;
  /** Where in a JSON answer the number is (JMESPath); null for every other source. */
  readonly path: string | null;
  /** How the points of a series become one number: events are added up, everything else is averaged. */
  readonly fold: 'sum' | 'mean';
  /** Prometheus alone: the points within the window, rather than the value at its end. */
  readonly range: boolean;
  /** Of a command: what it prints, or how it ends. */
  readonly answer: 'number' | 'exit-code';
  /** Whom it asks about. */
  readonly of: MeasuredSide;
};

export type MeasuredSide = {
  readonly service: string;
  readonly slot: SlotName;
  readonly role: 'candidate' | 'stable';
  /** Label of the release. */
  readonly version: string;
  /** As it is recorded; null where that is not known any more. */
  readonly release: Release | null;
};

/** Unix milliseconds by the wall clock; `toMs` is not included. */
export type MeasureWindow = { readonly fromMs: number; readonly toMs: number };

export type MeasureSample =
  | {
      readonly kind: 'value';
      /** Finite. */
      readonly value: number;
      /** Of how many observations it was made, or null where the source does not say. */
      readonly count: number | null;
      /** What stands beside it for people, of a command that failed for example; at most 300 characters. */
      readonly says?: string;
    }
  | {
      readonly kind: 'none';
      readonly why: NoValue;
      /** One sentence for people, at most 300 characters. */
      readonly says: string;
    };

const LONGEST_WORDS = 300;

export function noData(says: string): MeasureSample {
  return { kind: 'none', why: 'no-data', says: shortened(says) };
}

export function sourceDown(says: string): MeasureSample {
  return { kind: 'none', why: 'unreachable', says: shortened(says) };
}

/** A number as a value, what is not finite as a state of its own. */
export function sampleOf(value: number, count: number | null = null): MeasureSample {
  if (Number.isFinite(value)) return { kind: 'value', value, count };
  return { kind: 'none', why: 'not-a-number', says: `the answer is ${value}, not a number` };
}

/** One line of plain text. */
export function shortened(says: string): string {
  const line = says.replaceAll(/[\s\p{Cc}]+/gu, ' ').trim();
  return line.length <= LONGEST_WORDS ? line : `${line.slice(0, LONGEST_WORDS - 1)}…`;
}
