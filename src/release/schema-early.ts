import { z } from 'zod';

import { METHOD } from './forms.ts';
import { DEFAULTS } from './presets.ts';
import { PERCENT_PATTERN, TRY_PATTERN } from './units.ts';
import { count, duration, FACTS, pattern, percent, text } from './values.ts';

/** What comes before the first share: users get stable all the time. */

const method = pattern('A method in capitals.', METHOD, {
  what: 'a method in capitals such as POST',
  code: 'E081',
  suggest: (value) => (typeof value === 'string' ? value.toUpperCase() : null),
});

export const mirror = z
  .union([
    z.string().regex(TRY_PATTERN),
    z.strictObject({
      share: percent('The part of the requests that is copied.', {
        default: '100%',
        what: 'a share such as 20%',
      }).optional(),
      for: duration('Least time of the copying.', { min: 1000 }),
      methods: z
        .array(method)
        .min(1)
        .max(20)
        .describe('Methods whose requests are copied. More than GET and HEAD need a reason.')
        .register(FACTS, {
          kind: 'shape',
          what: 'a list of methods such as [GET, POST]',
          code: 'E008',
          min: 1,
          max: 20,
          defaultNote: '[GET, HEAD]',
        })
        .optional(),
      because: text('Why requests of the other methods may be done twice; said in plans and in why.', {
        defaultNote: 'needed for methods other than GET and HEAD',
      }).optional(),
    }),
  ])
  .describe(
    'Before the first share, the candidate gets copies of a part of the requests, and what it answers is thrown away. Judged against what stable answered to the same requests. What it cannot see stands in docs/judge.md.',
  )
  .register(FACTS, {
    kind: 'shape',
    what: 'a share for a time such as 20% for 2m, or {share, for, methods, because}',
    code: 'E080',
    suggest: (value) => (typeof value === 'string' && PERCENT_PATTERN.test(value) ? `${value} for 2m` : null),
    defaultNote: 'none',
  });

export const headerOnly = z
  .union([
    duration('Least time of the step.', { min: 1000 }),
    z.strictObject({
      for: duration('Least time of the step.', { min: 1000 }),
      requests: count('Before so many requests chose the candidate it is undecided.', 1, 1_000_000, {
        default: DEFAULTS.headerOnlyRequests,
      }).optional(),
      'max-errors': percent(
        'Going back when more of these requests failed, from 20 requests and 3 failures on.',
        { min: 0.1, max: 100, default: `${DEFAULTS.headerOnlyMaxErrorsPercent}%` },
      ).optional(),
    }),
  ])
  .describe(
    'Before the first share, and after the mirror, only requests reach the candidate that choose it by the header of override, or whom candidate-for names. Who they come from chose themselves, so that only severe faults and the plain limit decide.',
  )
  .register(FACTS, {
    kind: 'duration',
    what: 'a duration such as 10m, or {for, requests, max-errors}',
    code: 'E013',
    min: 1000,
    max: 14 * 86_400_000,
    defaultNote: 'none',
  });

export type MirrorInput = z.input<typeof mirror>;
export type HeaderOnlyInput = z.input<typeof headerOnly>;
