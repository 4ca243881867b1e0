import { z } from 'zod';

import { HEALTH_PATH, SECRET, suggestPath, VARIABLE } from './forms.ts';
import { DEFAULTS } from './presets.ts';
import { count, duration, FACTS, pattern } from './values.ts';

const secret = z
  .strictObject({
    secret: pattern('Reference to a value that the server reads when it starts the process.', SECRET, {
      what: 'env:NAME or file:NAME, never the value itself',
      code: 'E028',
    }),
  })
  .describe('A secret by reference; its value never enters a release, a plan or any output.');

export const env = z
  .record(
    z.string().regex(VARIABLE),
    z
      .union([z.string(), z.number(), z.boolean(), secret])
      .describe('Text, passed on exactly as written, or {secret: env:NAME} or {secret: file:NAME}.')
      .register(FACTS, { kind: 'shape', what: 'text or {secret: env:NAME}', code: 'E008' }),
  )
  .describe(
    'Environment of build and run, besides the little that Bascule sets itself (PORT among it). Nothing of the server\u2019s own is inherited.',
  )
  .register(FACTS, {
    kind: 'shape',
    what: 'a mapping of names to text',
    code: 'E008',
    owner: 'release',
    defaultNote: 'empty',
  });

const healthPath = pattern('Path of the GET. Healthy is 2xx; redirects are not followed.', HEALTH_PATH, {
  what: 'a path such as /healthz',
  code: 'E026',
  default: DEFAULTS.healthPath,
  suggest: suggestPath,
});

export const health = z
  .union([
    healthPath,
    z.strictObject({
      path: healthPath.optional(),
      interval: duration('Time between two probes of a replica.', {
        default: '1s',
        min: 100,
        max: 300_000,
      }).optional(),
      timeout: duration('How long an answer may take.', { default: '1s', min: 10, max: 60_000 }).optional(),
      rise: count('Good answers in a row until a replica is healthy.', 1, 100, {
        default: DEFAULTS.rise,
      }).optional(),
      fall: count('Bad answers in a row until it is not.', 1, 100, { default: DEFAULTS.fall }).optional(),
    }),
  ])
  .describe('How to see that a replica is well: a path, or a mapping with the details.')
  .register(FACTS, {
    kind: 'shape',
    what: 'a path such as /healthz, or a mapping',
    code: 'E026',
    owner: 'release',
    default: '/',
    suggest: suggestPath,
  });
