import { z } from 'zod';
import { versionLabel } from './bodies.ts';

const MOST_NAMES = 50;
const name = z.string().regex(/^[a-z](?:[a-z0-9-]{0,38}[a-z0-9])?$/, 'is not a name of a-z, 0-9 and -');
/** Above it a sum is no whole number any more. */
const number = z.number().min(-Number.MAX_SAFE_INTEGER).max(Number.MAX_SAFE_INTEGER);

export const pushBody = z
  .strictObject({
    version: versionLabel,
    measures: z
      .record(
        name,
        z.union([
          number.min(0),
          z.strictObject({ sum: number, count: z.int().min(0).max(Number.MAX_SAFE_INTEGER) }),
        ]),
      )
      .refine((value) => Object.keys(value).length > 0, 'is empty')
      .refine((value) => Object.keys(value).length <= MOST_NAMES, `has more than ${MOST_NAMES} names`)
      .meta({
        description:
          'By name: how many since the last time, or, for a mean, the sum of what was observed and of how many.',
      }),
  })
  .meta({ id: 'PushBody' });
