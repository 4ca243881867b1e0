import { CONNECTED_KINDS } from './source-connection.ts';

/** Something that is measured elsewhere, by name, with its limit. */
export type Measure = {
  /** As in the file: lowercase letters, digits and dashes. */
  readonly name: string;
  readonly source: SourceKind;
  /** Name of the server's connection (`sources:` of its own file); null where none is needed. */
  readonly from: string | null;
  /** Query, URL, command or name, with its {{…}} not yet filled in. */
  readonly ask: string;
  /** JMESPath into a JSON answer, or null. */
  readonly path: string | null;
  /** Prometheus: the points within the window rather than the value at its end. */
  readonly range: boolean;
  readonly kind: MeasureKind;
  readonly limit: MeasureLimit;
  /** Length of a window; windows follow one another without a gap and never overlap. */
  readonly intervalMs: number;
  /** How long after its end a window is complete at the source. */
  readonly delayMs: number;
  readonly gaps: Readonly<Record<GapKind, GapPolicy>>;
};

export const SOURCE_KINDS = [...CONNECTED_KINDS, 'command', 'pushed'] as const;
export type SourceKind = (typeof SOURCE_KINDS)[number];

/**
 * What a value is. `count`: events in the window. `rate`: events a second over the window. Both are held against the traffic of
 * each side. `mean`: anything else, such as a mean, a share or a level; held as it is.
 */
export const MEASURE_KINDS = ['rate', 'mean', 'count'] as const;
export type MeasureKind = (typeof MEASURE_KINDS)[number];

export type MeasureLimit =
  /** More (or fewer) than stable by so many percent is harm. */
  | { readonly against: 'stable'; readonly harm: 'more' | 'fewer'; readonly percent: number }
  /** Above (or below) a number is harm, whatever stable does. */
  | { readonly against: 'number'; readonly harm: 'above' | 'below'; readonly number: number }
  /** Of a command whose exit code is the answer: so many failures in a row are harm. */
  | { readonly against: 'failures'; readonly inARow: number };

export const GAP_KINDS = ['no-data', 'not-a-number', 'source-down'] as const;
export type GapKind = (typeof GAP_KINDS)[number];
/** `wait`: no step ends without it. `ignore`: steps end without it. `fail`: counts as harm once it lasts. */
export const GAP_POLICIES = ['wait', 'ignore', 'fail'] as const;
export type GapPolicy = (typeof GAP_POLICIES)[number];
