import { z } from 'zod';
import { GAP_KINDS, GAP_POLICIES, MEASURE_KINDS, SOURCE_KINDS } from '../release/measure.ts';
import { measureLimit } from './service-body.ts';

/** The judge's word as a schema. */

const percent = z.number().min(0).max(100);

export const checkResult = z
  .strictObject({
    name: z.string(),
    unit: z.enum(['percent', 'ms']).meta({
      description:
        'Of the values. Differences, interval and limits: percentage points for `percent`, percent of stable for `ms`.',
    }),
    candidate: z.number().nullable(),
    stable: z.number().nullable(),
    difference: z.number().nullable(),
    interval: z
      .tuple([z.number(), z.number().nullable()])
      .readonly()
      .nullable()
      .meta({ description: 'Where the difference surely lies; no upper end yet: null.' }),
    limit: z.number().meta({ description: 'Surely worse by more than this is harm.' }),
    safeLimit: z.number().meta({ description: 'Surely not worse by this is safe.' }),
    state: z.enum(['worse', 'not-worse', 'undecided', 'no-data']),
    needRequests: z.number().nullable(),
    required: z.boolean(),
    logE: z.number(),
  })
  .meta({ id: 'CheckResult' });

export const measureResult = z
  .strictObject({
    name: z.string(),
    source: z.enum(SOURCE_KINDS),
    kind: z.enum(MEASURE_KINDS),
    limit: measureLimit,
    candidate: z.number().nullable().meta({
      description: 'Counts and rates: events per 1,000 requests; anything else as its source gives it.',
    }),
    stable: z.number().nullable(),
    difference: z
      .number()
      .nullable()
      .meta({ description: 'In percent of stable\u2019s, or the distance from the number.' }),
    interval: z
      .tuple([z.number().nullable(), z.number().nullable()])
      .readonly()
      .nullable()
      .meta({ description: 'Where the difference surely lies; null at an end that is not known yet.' }),
    state: z.enum(['worse', 'not-worse', 'undecided', 'waiting', ...GAP_KINDS]),
    windows: z.number().meta({ description: 'Of this step, with a value.' }),
    gap: z
      .strictObject({
        kind: z.enum(GAP_KINDS),
        windows: z.number(),
        policy: z.enum(GAP_POLICIES),
        says: z.string(),
      })
      .nullable()
      .meta({ description: 'The newest windows, where they have no value.' }),
    logE: z.number(),
  })
  .meta({ id: 'MeasureResult' });

export const look = z.strictObject({
  name: z.string(),
  says: z.string(),
  state: z.enum(['pass', 'fail', 'no-data']),
});

export const verdict = z
  .strictObject({
    overall: z.enum(['harmful', 'severe', 'safe', 'suspicious', 'undecided', 'no-data']),
    unit: z.enum(['request', 'identity']),
    candidateRequestsInStep: z.number(),
    stableRequestsInStep: z.number(),
    judgedSecondsInStep: z.number(),
    logE: z.number(),
    reason: z.string(),
    checks: z.array(checkResult).readonly(),
    measures: z
      .array(measureResult)
      .readonly()
      .exactOptional()
      .meta({ description: 'What is measured elsewhere; absent in verdicts of before there were any.' }),
    share: z.strictObject({
      askedPercent: percent,
      seenPercent: percent.nullable(),
      mismatch: z.string().nullable(),
      warning: z.string().nullable(),
    }),
    looks: z
      .array(look)
      .readonly()
      .meta({ description: 'What a judge other than the bets found; empty where the bets decide.' }),
    hold: z
      .string()
      .nullable()
      .meta({ description: 'Why it is no time to go on, however the checks look, or null.' }),
  })
  .meta({ id: 'Verdict' });

/** What the judge says before the first share. */
export const earlyVerdict = z
  .strictObject({
    kind: z.enum(['mirror', 'header-only']),
    overall: z.enum(['harmful', 'severe', 'safe', 'quiet', 'suspicious', 'undecided', 'no-data']),
    reason: z.string(),
    hold: z.string().nullable(),
    seconds: z.number(),
    candidateRequests: z.number().meta({ description: 'Copies, or requests that chose the candidate.' }),
    stableRequests: z.number().meta({ description: 'What they are held against.' }),
    dropped: z.number().meta({ description: 'Copies that were due and not sent.' }),
    checks: z.array(checkResult).readonly(),
    looks: z.array(look).readonly(),
    unseen: z.array(z.string()).readonly().meta({ description: 'What it says nothing about.' }),
  })
  .meta({ id: 'EarlyVerdict' });

export const side = z
  .strictObject({
    requests: z.number(),
    failed: z.number(),
    errorPercent: percent.nullable(),
    p50Ms: z.number().nullable(),
    p95Ms: z.number().nullable(),
    p99Ms: z.number().nullable(),
  })
  .meta({ id: 'Side' });

export const earlyView = earlyVerdict
  .extend({ traffic: z.strictObject({ stable: side, candidate: side }) })
  .meta({ id: 'Early' });

const watchCheck = z.strictObject({
  name: z.enum(['error-rate', 'p95']),
  unit: z.enum(['percent', 'ms']),
  candidate: z.number().nullable(),
  stable: z.number().nullable(),
  difference: z.number().nullable(),
  interval: z.tuple([z.number(), z.number().nullable()]).readonly(),
  limit: z.number(),
  state: z.enum(['worse', 'undecided']),
});

export const watchVerdict = z
  .strictObject({
    overall: z.enum(['severe', 'worse', 'quiet', 'no-data']),
    reason: z.string(),
    label: z.string(),
    checks: z.array(watchCheck).readonly(),
  })
  .meta({ id: 'WatchVerdict' });
