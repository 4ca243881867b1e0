import { z } from 'zod';

import { HEADER } from './forms.ts';
import { DEFAULTS, PRESETS } from './presets.ts';
import { approvals } from './schema-approval.ts';
import { headerOnly, mirror } from './schema-early.ts';
import { measure } from './schema-measure.ts';
import { judgeUse } from './schema-judge-use.ts';
import { PRESET_NAMES } from './service.ts';
import { PERCENT_PATTERN, TRY_PATTERN } from './units.ts';
import { choice, duration, FACTS, flag, pattern, percent, points, type Facts } from './values.ts';

/** A check of a share of requests; `usual` is its default margin. */
function rateCheck(description: string, usual: number) {
  const worseBy = points('Least difference that matters.', { default: `${usual}pp` }).optional();
  return z
    .strictObject({ 'worse-by': worseBy })
    .describe(description)
    .register(FACTS, checkFacts(`{worse-by: ${usual}pp}`))
    .optional();
}

function quantile(name: string) {
  const worseBy = percent("Least increase that matters, relative to stable's.", {
    default: `${DEFAULTS.latencyWorseByPercent}%`,
    min: 1,
    max: 1000,
    what: 'a percentage such as 20%',
  }).optional();
  return z
    .strictObject({ 'worse-by': worseBy })
    .describe(`The ${name} of response times, candidate against stable.`)
    .register(FACTS, checkFacts(`{worse-by: ${DEFAULTS.latencyWorseByPercent}%}`))
    .optional();
}

function checkFacts(what: string): Facts {
  return { kind: 'shape', what, code: 'E008', defaultNote: 'not checked by name', suggest: asMargin };
}

function asMargin(value: unknown): string | null {
  return typeof value === 'string' ? `{worse-by: ${value}}` : null;
}

const judge = z
  .object({
    use: judgeUse.optional(),
    'error-rate': rateCheck(
      '5xx, failed connections and timeouts, of all requests.',
      DEFAULTS.errorRateWorseByPp,
    ),
    'client-error-rate': rateCheck('4xx, of all requests.', DEFAULTS.clientErrorRateWorseByPp),
    p50: quantile('50th percentile'),
    p75: quantile('75th percentile'),
    p90: quantile('90th percentile'),
    p95: quantile('95th percentile'),
    p99: quantile('99th percentile'),
    'p99.9': quantile('99.9th percentile'),
  })
  .catchall(measure)
  .describe(
    'What is compared, candidate against stable, and by how much it may be worse; measures from elsewhere under names of their own. Without a check: errors and response times with default margins.',
  )
  .register(FACTS, {
    kind: 'shape',
    what: 'a mapping of checks and measures',
    code: 'E008',
    defaultNote: 'empty',
  });

const THEN = ['advance', 'ask', 'rollback'] as const;
const whenUnsure = z
  .union([
    z.enum(THEN),
    z.strictObject({
      wait: duration('How much longer to wait after at-most.', { defaultNote: 'by preset' }).optional(),
      then: choice('What to do after that: advance, ask a person, or roll back.', THEN, {
        defaultNote: 'by preset',
      }).optional(),
    }),
  ])
  .describe('What to do when a step reaches at-most undecided.')
  .register(FACTS, {
    kind: 'choice',
    what: 'advance, ask, rollback, or {wait, then}',
    code: 'E019',
    options: THEN,
    defaultNote: unsureByPreset(),
  });

const STICKY = ['cookie', 'address', 'none'] as const;
const sticky = z
  .union([
    z.enum(STICKY),
    z.strictObject({
      header: pattern('Request header that names a person.', HEADER, {
        what: 'the name of a header',
        code: 'E019',
      }),
    }),
  ])
  .describe(
    "What keeps a person on one version: the proxy's own cookie, the client's address, a header, or nothing.",
  )
  .register(FACTS, {
    kind: 'choice',
    what: 'cookie, address, none, or {header: NAME}',
    code: 'E019',
    options: STICKY,
    defaultNote: 'cookie; none where blue-green has no try',
  });

const common = {
  use: choice('The preset that fills in what is not written here.', PRESET_NAMES, {
    default: DEFAULTS.preset,
  }).optional(),
  mirror: mirror.optional(),
  'header-only': headerOnly.optional(),
  sticky: sticky.optional(),
  judge: judge.optional(),
  'when-worse': choice('What to do when the candidate is surely worse.', ['rollback', 'pause'], {
    default: DEFAULTS.whenWorse,
  }).optional(),
  'when-unsure': whenUnsure.optional(),
  watch: duration('Time after 100 % in which a breach still goes back by itself.', {
    defaultNote: byPreset('watchMs'),
  }).optional(),
  'keep-old': duration(
    'How long, after the rollout ended, the former version stays ready to take traffic back.',
    {
      defaultNote: byPreset('keepOldMs'),
    },
  ).optional(),
  'warm-up': duration("First part of the candidate's traffic in which response times are not judged.", {
    default: '10s',
    max: 3_600_000,
  }).optional(),
  approvals: approvals.optional(),
};

const dwell = z
  .union([
    duration('Least time of a step.', { min: 1000 }),
    z.strictObject({
      'at-least': duration('No step is shorter.', { min: 1000, defaultNote: 'by preset' }).optional(),
      'at-most': duration('From here on when-unsure decides.', {
        min: 1000,
        defaultNote: 'by preset',
      }).optional(),
    }),
  ])
  .describe(
    'How long each step below 100 % lasts: on early when surely safe, back at once when surely worse. One duration sets at-least.',
  )
  .register(FACTS, {
    kind: 'duration',
    what: 'a duration such as 1m, or {at-least: 1m, at-most: 5m}',
    code: 'E013',
    min: 1000,
    max: 14 * 86_400_000,
    defaultNote: 'quick: 10s … 1m, standard: 1m … 5m, careful: 5m … 30m',
  });

const share = percent('A share of the traffic.', { min: 0.1, max: 100, what: 'a share such as 5%' });

const canary = z
  .strictObject({
    ...common,
    steps: z
      .array(share)
      .min(1)
      .max(20)
      .describe('Shares of the candidate: growing, the last one 100%, in steps of 0.1%.')
      .register(FACTS, {
        kind: 'shape',
        what: 'a list of shares such as [5%, 25%, 50%, 100%]',
        code: 'E008',
        min: 1,
        max: 20,
        defaultNote:
          'quick: [10%, 25%, 50%, 100%], standard: [5%, 25%, 50%, 100%], careful: [1%, 5%, 25%, 50%, 100%]',
      })
      .optional(),
    dwell: dwell.optional(),
    bake: duration(
      'Least time of the last step below 100 %, where there still is a stable version to compare with.',
      {
        defaultNote: 'quick: 0s, standard: 10m, careful: 30m',
      },
    ).optional(),
    ask: flag('Whether a person is asked before 100 %.', { default: false }).optional(),
  })
  .describe('A small share first, judged against stable on the same traffic, then more, step by step.');

const blueGreen = z
  .strictObject({
    ...common,
    try: z
      .union([z.literal('none'), z.string().regex(TRY_PATTERN)])
      .describe('A share for a time before the switch, both versions compared: "5% for 2m", or none.')
      .register(FACTS, {
        kind: 'shape',
        what: 'a share for a time such as 5% for 2m, or none',
        code: 'E036',
        suggest: (value) =>
          typeof value === 'string' && PERCENT_PATTERN.test(value) ? `${value} for 2m` : null,
        defaultNote: 'quick and standard: none, careful: 5% for 10m',
      })
      .optional(),
    ask: flag('Whether a person is asked before the switch.', {
      defaultNote: 'quick and standard: false, careful: true',
    }).optional(),
  })
  .describe('All traffic in one atomic switch, with the old version kept warm.');

const STRATEGIES = ['blue-green', 'canary'] as const;
export const strategy = z
  .union([
    z.enum(STRATEGIES),
    z
      .strictObject({ canary: canary.optional(), 'blue-green': blueGreen.optional() })
      .meta({ minProperties: 1, maxProperties: 1 }),
  ])
  .describe(
    'How a new version takes over: blue-green, canary, or a mapping of one of them with its settings.',
  )
  .register(FACTS, {
    kind: 'choice',
    what: 'blue-green, canary, or a mapping of one of them',
    code: 'E019',
    options: STRATEGIES,
    suggest: (value) =>
      PRESET_NAMES.some((name) => name === value) ? `{canary: {use: ${String(value)}}}` : null,
    owner: 'policy',
    default: 'blue-green',
  });

export type CanaryInput = z.input<typeof canary>;
export type BlueGreenInput = z.input<typeof blueGreen>;

function byPreset(key: 'watchMs' | 'keepOldMs'): string {
  return PRESET_NAMES.map((name) => `${name}: ${PRESETS[name][key] / 60_000}m`)
    .join(', ')
    .replace('1440m', '24h');
}

function unsureByPreset(): string {
  return 'quick: advance, standard: wait 10m, then advance, careful: ask';
}
