import { z } from 'zod';

import { ACCESS_FIELDS } from './access-fields.ts';
import { HEADER } from './forms.ts';
import { DEFAULTS } from './presets.ts';
import { SIZE_PATTERN } from './units.ts';
import { choice, FACTS, type Facts, inRange, measure, pattern, percent } from './values.ts';

export const MOST_LOGGED_HEADERS = 20;
const LEAST_KEPT = 1024 ** 2;
const MOST_KEPT = 1024 ** 4;

/** A size that is one: a log without an end would fill the disk. */
const KEEP: Facts = {
  kind: 'size',
  what: 'a size such as 64MiB',
  code: 'E035',
  min: LEAST_KEPT,
  max: MOST_KEPT,
  default: DEFAULTS.accessLogKeep,
};

const field = choice('A field of a line.', ACCESS_FIELDS);

const header = pattern('A field of the request.', HEADER, {
  what: 'the name of a header such as User-Agent',
  code: 'E056',
});

export const accessLog = z
  .strictObject({
    fields: z
      .array(field)
      .min(1)
      .max(ACCESS_FIELDS.length)
      .describe('What a line says, in this order.')
      .register(FACTS, {
        kind: 'shape',
        what: 'a list of fields such as [time, method, path, status]',
        code: 'E008',
        min: 1,
        max: ACCESS_FIELDS.length,
        defaultNote:
          '[time, client, method, host, path, status, bytes, ms, slot, replica, outcome, request-id]',
      })
      .optional(),
    headers: z
      .array(header)
      .min(1)
      .max(MOST_LOGGED_HEADERS)
      .describe(
        'Headers of the request that a line says as well, none that holds a secret. The query of a Referer only where fields has query.',
      )
      .register(FACTS, {
        kind: 'shape',
        what: 'a list of headers such as [User-Agent]',
        code: 'E008',
        min: 1,
        max: MOST_LOGGED_HEADERS,
        defaultNote: 'none',
      })
      .optional(),
    sample: percent('The part of the requests that is logged; what failed always is.', {
      default: '100%',
    }).optional(),
    keep: z
      .string()
      .regex(SIZE_PATTERN)
      .refine((value) => inRange(measure(value, 'size'), KEEP))
      .describe('Disk that the log of the service may take, with the part that was put aside.')
      .register(FACTS, KEEP)
      .optional(),
  })
  .describe('A line of JSON for each request of the service; {} for what is usual.')
  .register(FACTS, {
    kind: 'shape',
    what: 'a mapping such as {sample: 10%}, or {}',
    code: 'E008',
    owner: 'door',
    defaultNote: 'none',
  });

export type AccessLogInput = z.input<typeof accessLog>;
