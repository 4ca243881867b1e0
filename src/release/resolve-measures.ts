import {
  EmptyExpressionError,
  LexerError,
  ParseError,
  IncompleteExpressionError,
  search,
} from '@aws-lambda-powertools/jmespath';

import { kindOfQuery } from './measure-kind.ts';
import { checkOverlap, checkTemplate, checkWindow, type Found } from './measure-rules.ts';
import { SOURCE_KINDS, type Measure, type MeasureLimit, type SourceKind } from './measure.ts';
import { nearest } from './nearest.ts';
import { MEASURE_NAME, type MeasureInput } from './schema-measure.ts';
import { parsePercent } from './units.ts';
import { measure as inUnit } from './values.ts';

const MOST_MEASURES = 20;
const SECOND = 1000;
const DEFAULT_INTERVAL_MS = 60 * SECOND;
const DEFAULT_FAILURES = 2;
/** What sources need until a window is complete there: scrapes, agents and ingestion take their time. */
const DELAYS: Readonly<Record<SourceKind, number>> = {
  prometheus: 15 * SECOND,
  influxdb: 10 * SECOND,
  datadog: 60 * SECOND,
  newrelic: 60 * SECOND,
  graphite: 60 * SECOND,
  cloudwatch: 180 * SECOND,
  json: 2 * SECOND,
  command: 2 * SECOND,
  pushed: 2 * SECOND,
};
const LIMITS = ['worse-by', 'more-by', 'fewer-by', 'max', 'min'] as const;

/** The named measures of a `judge:`, in the order of the file; what breaks a rule is added to `problems`. */
export function resolveMeasures(
  input: Readonly<Record<string, MeasureInput>>,
  checks: readonly string[],
  { path, problems }: Found,
): readonly Measure[] {
  const names = Object.keys(input);
  if (names.length > MOST_MEASURES) {
    const message = `judge may hold at most ${MOST_MEASURES} measures`;
    problems.push({ code: 'E020', path, at: 'key', message, note: `these are ${names.length}`, fix: null });
  }
  return names.flatMap((name) => {
    const at: Found = { path: [...path, name], problems };
    const found = resolveMeasure(name, input[name]!, checks, at);
    return found === null ? [] : [found];
  });
}

function resolveMeasure(
  name: string,
  input: MeasureInput,
  checks: readonly string[],
  at: Found,
): Measure | null {
  const source = sourceOf(name, input, checks, at);
  if (source === null) return null;
  const ask = input[source]!;
  const limit = limitOf(source, input, at);
  const intervalMs = inUnit(input.interval, 'duration') ?? DEFAULT_INTERVAL_MS;
  useless(source, input, limit, at);
  checkTemplate(source, ask, limit, at);
  if (source === 'prometheus') checkOverlap(ask, intervalMs, at);
  if (source === 'json') checkPath(input, at);
  checkWindow(source, ask, intervalMs, at);
  return {
    name,
    source,
    from: fromOf(source, input, at),
    ask,
    path: input.path ?? null,
    range: input.range ?? false,
    kind: kindOf(source, input, limit, at),
    limit: limit ?? { against: 'stable', harm: 'more', percent: 10 },
    intervalMs,
    delayMs: inUnit(input.delay, 'duration') ?? DELAYS[source],
    gaps: {
      'no-data': input['no-data'] ?? 'wait',
      'not-a-number': input['not-a-number'] ?? 'wait',
      'source-down': input['source-down'] ?? 'wait',
    },
  };
}

function sourceOf(
  name: string,
  input: MeasureInput,
  checks: readonly string[],
  { path, problems }: Found,
): SourceKind | null {
  const written = SOURCE_KINDS.filter((kind) => input[kind] !== undefined);
  const guess = written.length === 0 ? nearest(name, checks) : null;
  if (guess !== null) {
    const message = `unknown key ${name}`;
    problems.push({ code: 'E006', path, at: 'key', message, note: '', fix: `did you mean ${guess}?` });
    return null;
  }
  if (!MEASURE_NAME.test(name)) {
    const message = `${name.slice(0, 60)} is not a name for a measure`;
    problems.push({ code: 'E032', path, at: 'key', message, note: 'a-z, 0-9 and -, at most 40', fix: null });
  }
  if (written.length === 1) return written[0]!;
  problems.push({
    code: 'E060',
    path,
    at: 'key',
    message: `${name} asks ${written.length === 0 ? 'no source' : 'several sources'}`,
    note: written.length === 0 ? 'neither a check nor a measure' : written.join(' and '),
    fix:
      written.length === 0
        ? `name one of ${SOURCE_KINDS.join(', ')}`
        : 'make each a measure with a name of its own',
  });
  return null;
}

function limitOf(source: SourceKind, input: MeasureInput, { path, problems }: Found): MeasureLimit | null {
  const written = LIMITS.filter((key) => input[key] !== undefined);
  if (source === 'command' && written.length === 0)
    return { against: 'failures', inARow: input.failures ?? DEFAULT_FAILURES };
  if (written.length !== 1) {
    problems.push({
      code: 'E061',
      path,
      at: 'key',
      message: `a measure has one limit`,
      note: written.length === 0 ? 'it has none' : written.join(' and '),
      fix:
        written.length === 0
          ? 'write worse-by, more-by or fewer-by: 10%, or max or min with a number'
          : 'ask twice, under two names',
    });
    return null;
  }
  const [key] = written as [(typeof LIMITS)[number]];
  if (key === 'max' || key === 'min') {
    return { against: 'number', harm: key === 'max' ? 'above' : 'below', number: input[key]! };
  }
  const percent = parsePercent(input[key]!) ?? 10;
  if (key === 'fewer-by' && percent >= 100) {
    const message = 'nothing can be fewer by 100% or more';
    problems.push({
      code: 'E020',
      path: [...path, key],
      at: 'value',
      message,
      note: 'below 100%',
      fix: null,
    });
  }
  return { against: 'stable', harm: key === 'fewer-by' ? 'fewer' : 'more', percent };
}

function kindOf(
  source: SourceKind,
  input: MeasureInput,
  limit: MeasureLimit | null,
  { path, problems }: Found,
): Measure['kind'] {
  if (source === 'pushed' && input.kind === 'rate') {
    problems.push({
      code: 'E067',
      path: [...path, 'kind'],
      at: 'value',
      message: 'what is pushed is counted, and gives no rate',
      note: 'not with pushed',
      fix: 'write count, or mean',
    });
  }
  const found = input.kind ?? kindOfQuery(source, input[source]!);
  if (found !== null) return found;
  if (limit === null || limit.against !== 'stable') return 'mean';
  problems.push({
    code: 'E062',
    path,
    at: 'key',
    message: 'what kind of measure this is, is not clear from what is asked',
    note: 'kind is not written',
    fix: 'write kind: count (events in the window), rate (events a second) or mean (anything else)',
  });
  return 'mean';
}

function fromOf(source: SourceKind, input: MeasureInput, { path, problems }: Found): string | null {
  if (source === 'command' || source === 'pushed') return null;
  if (source !== 'json') return input.from ?? source;
  const isWhole = /^https?:\/\//u.test(input.json!);
  if (isWhole === (input.from !== undefined)) {
    problems.push({
      code: 'E066',
      path: [...path, 'json'],
      at: 'value',
      message: 'json is a whole URL, or a path below the source that from names',
      note: isWhole ? 'a whole URL, and from' : 'no whole URL, and no from',
      fix: isWhole ? 'take from out, or write the path alone' : 'write http://… , or from: NAME',
    });
  }
  return input.from ?? null;
}

/** What has no meaning beside this source is refused rather than ignored. */
function useless(
  source: SourceKind,
  input: MeasureInput,
  limit: MeasureLimit | null,
  { path, problems }: Found,
): void {
  const odd = [
    ...(source === 'json' ? [] : (['path'] as const)),
    ...(source === 'prometheus' ? [] : (['range'] as const)),
    ...(source === 'command' || source === 'pushed' ? (['from'] as const) : []),
    ...(limit?.against === 'failures' ? (['kind'] as const) : (['failures'] as const)),
  ].filter((key) => input[key] !== undefined);
  for (const key of odd) {
    problems.push({
      code: 'E067',
      path: [...path, key],
      at: 'key',
      message: `${key} has no meaning here`,
      note: `not with ${source}${key === 'failures' ? ' and a limit' : ''}`,
      fix: 'take it out',
    });
  }
}

function checkPath(input: MeasureInput, { path, problems }: Found): void {
  const trouble = input.path === undefined ? 'path is not written' : pathTrouble(input.path);
  if (trouble === null) return;
  problems.push({
    code: 'E066',
    path: input.path === undefined ? path : [...path, 'path'],
    at: input.path === undefined ? 'key' : 'value',
    message: 'where the number stands in the answer is said by a JMESPath',
    note: trouble,
    fix: "write path: 'totals.signups', for example; jmespath.org describes it",
  });
}

function pathTrouble(expression: string): string | null {
  try {
    search(expression, {});
    return null;
  } catch (error) {
    const isOfForm = [LexerError, ParseError, IncompleteExpressionError, EmptyExpressionError].some(
      (one) => error instanceof one,
    );
    // What it does not find in an empty answer it may find in another.
    return isOfForm ? 'not a JMESPath' : null;
  }
}
