import { z } from 'zod';

import { DURATION_PATTERN, PERCENT_PATTERN } from './units.ts';
import { choice, count, duration, FACTS, flag } from './values.ts';

const MEASURE = /^[a-z][a-z0-9.-]{0,39}$/;

/** A limit by the unit of what it limits; `resolve-judge-use.ts` knows which one that is. */
const limitValue = z
  .union([z.number(), z.string().regex(PERCENT_PATTERN), z.string().regex(DURATION_PATTERN)])
  .describe('A percentage for a rate, a duration for a quantile, a number for a measure of your own.')
  .register(FACTS, { kind: 'shape', what: '1% for a rate, 500ms for a quantile, or a number', code: 'E070' });

function limits(description: string) {
  return z
    .record(z.string().regex(MEASURE), limitValue)
    .describe(description)
    .register(FACTS, {
      kind: 'shape',
      what: 'a mapping of limits such as {error-rate: 1%, p99: 500ms}',
      code: 'E008',
      defaultNote: 'none',
    })
    .optional();
}

function score(description: string, usual: number) {
  return count(description, 0, 100, { default: usual }).optional();
}

const limitsJudge = z
  .strictObject({
    interval: duration('Time between two looks.', { min: 1000, default: '1m' }).optional(),
    'failure-limit': count('More failed looks than this, in the whole rollout, go back.', 0, 1000, {
      default: 0,
    }).optional(),
    'no-data': choice('What a look without a value is.', ['fail', 'skip'], { default: 'fail' }).optional(),
    max: limits('What the candidate may have at most.'),
    min: limits('What it must have at least.'),
  })
  .describe('Fixed limits for the candidate alone, as many tools have them. Stable is not looked at.')
  .register(FACTS, { kind: 'shape', what: 'a mapping such as {max: {error-rate: 1%}}', code: 'E008' });

const effect = z.number().min(0).max(1000);
function effectSize(description: string) {
  return effect
    .describe(description)
    .register(FACTS, {
      kind: 'shape',
      what: 'a number from 0 to 1000',
      code: 'E008',
      defaultNote: '1, or 0.5 with cles',
    })
    .optional();
}

const metric = z
  .strictObject({
    group: z
      .string()
      .regex(MEASURE)
      .describe('The group that it counts in.')
      .register(FACTS, { kind: 'text', what: 'a name', code: 'E008', defaultNote: 'a group of its own' })
      .optional(),
    direction: choice('Which change is bad.', ['increase', 'decrease', 'either'], {
      defaultNote: 'increase; either for a measure of your own',
    }).optional(),
    critical: flag('Whether it fails the whole judgement when it does not pass.', {
      default: false,
    }).optional(),
    'must-have-data': flag('Whether having no data counts against it.', { default: false }).optional(),
    nan: choice('Points without a value: left out, or taken for 0.', ['remove', 'replace'], {
      default: 'remove',
    }).optional(),
    outliers: choice('Whether points far out are left out.', ['keep', 'remove'], {
      default: 'keep',
    }).optional(),
    'outlier-factor': effectSize('How many quartile ranges far out is.'),
    effect: choice('What a change is measured by.', ['mean-ratio', 'cles'], {
      default: 'mean-ratio',
    }).optional(),
    'allowed-increase': effectSize('High only from this effect on.'),
    'allowed-decrease': effectSize('Low only up to this effect.'),
    'critical-increase': effectSize('Critical only from this effect on.'),
    'critical-decrease': effectSize('Critical only up to this effect.'),
  })
  .describe("One metric, in the words of Kayenta's canary configuration.")
  .register(FACTS, { kind: 'shape', what: 'a mapping such as {direction: increase}', code: 'E008' });

const kayentaJudge = z
  .strictObject({
    step: duration('Length of a point.', { min: 1000, default: '1m' }).optional(),
    interval: duration('Time between two judgements.', { min: 1000, default: '5m' }).optional(),
    lookback: duration('How far back a judgement looks.', {
      min: 1000,
      defaultNote: 'to the begin of the rollout',
    }).optional(),
    pass: score('From this score on it passes.', 95),
    marginal: score('A score that is not above this goes back at once.', 75),
    groups: z
      .record(z.string().regex(MEASURE), z.number().min(0).max(100))
      .describe('Weights of groups, of 100 together. Those without share what is left.')
      .register(FACTS, {
        kind: 'shape',
        what: 'a mapping of weights such as {errors: 60}',
        code: 'E008',
        defaultNote: 'all the same',
      })
      .optional(),
    metrics: z
      .record(z.string().regex(MEASURE), metric)
      .describe('What is compared, by name: checks of the proxy, or measures of your own.')
      .register(FACTS, {
        kind: 'shape',
        what: 'a mapping of metrics',
        code: 'E008',
        defaultNote: 'error-rate and p99',
      })
      .optional(),
  })
  .describe("Kayenta's judge: points of both sides by a Mann-Whitney test, weighed to a score.")
  .register(FACTS, { kind: 'shape', what: 'a mapping such as {pass: 95, marginal: 75}', code: 'E008' });

export const JUDGES = ['bets', 'kayenta'] as const;

export const judgeUse = z
  .union([
    z.enum(JUDGES),
    z
      .strictObject({ limits: limitsJudge.optional(), kayenta: kayentaJudge.optional() })
      .meta({ minProperties: 1, maxProperties: 1 }),
  ])
  .describe(
    "Which judge decides: this one's bets, fixed limits, or Kayenta's. With another one than bets, margins have no meaning.",
  )
  .register(FACTS, {
    kind: 'choice',
    what: 'bets, kayenta, {limits: …} or {kayenta: …}',
    code: 'E019',
    options: JUDGES,
    default: 'bets',
  });

export type JudgeUseInput = z.input<typeof judgeUse>;
export type LimitsInput = z.input<typeof limitsJudge>;
export type KayentaInput = z.input<typeof kayentaJudge>;
export type MetricInput = z.input<typeof metric>;
