import { z } from 'zod';

import { HEADER, HEALTH_PATH, suggestPath } from './forms.ts';
import { count, duration, FACTS, pattern, text } from './values.ts';

export const STATUS = /^[1-5](?:\d\d|xx)$/;

const checked = (words: string) =>
  pattern(words, HEALTH_PATH, { what: 'a path such as /checkout', code: 'E026', suggest: suggestPath });

const short = text('A path such as /checkout, asked for by GET, or a shell command.', {
  what: 'a path such as /checkout, or a shell command',
});

const check = z
  .strictObject({
    get: checked('Path of a GET. Redirects are not followed.').optional(),
    head: checked('Path of a HEAD.').optional(),
    run: text(
      "Shell command, run as the service's user in the release's directory with its plain environment, BASCULE_PREVIEW_URL and BASCULE_VERSION. Good is exit code 0.",
      { what: 'a shell command' },
    ).optional(),
    status: z
      .union([z.int().min(100).max(599), z.string().regex(STATUS)])
      .describe('Status that the answer must have.')
      .register(FACTS, { kind: 'shape', what: 'a status such as 200 or 2xx', code: 'E008', default: '2xx' })
      .optional(),
    contains: text('Text that the body must contain, within its first MiB.', {
      what: 'text',
      defaultNote: 'anything',
    }).optional(),
    header: z
      .record(z.string().regex(HEADER), z.string())
      .describe('Headers that the answer must have, each with exactly this value.')
      .register(FACTS, {
        kind: 'shape',
        what: 'a mapping of header names to values',
        code: 'E008',
        defaultNote: 'any',
      })
      .optional(),
    within: duration('How long one attempt may take; a command is then ended with all that it started.', {
      defaultNote: '5s, for a command 5m',
      min: 10,
      max: 3_600_000,
    }).optional(),
    attempts: count('How often it is tried until it is good, a second apart.', 1, 100, {
      default: 1,
    }).optional(),
  })
  .describe('One check: get, head or run, and what must come of it.');

export const verify = z
  .union([
    short,
    check,
    z
      .array(z.union([short, check]))
      .min(1)
      .max(20),
  ])
  .describe(
    'Checks on the preview address of a candidate that is ready, one after the other: one that fails ends the rollout before any traffic.',
  )
  .register(FACTS, {
    kind: 'shape',
    what: 'a path such as /checkout, a shell command, or a list of checks',
    code: 'E008',
    owner: 'release',
    defaultNote: 'none',
    max: 20,
  });

export type VerifyInput = z.input<typeof verify>;
export type CheckInput = z.input<typeof check>;
