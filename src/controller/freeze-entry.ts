import { z } from 'zod';
import { parseDuration } from '../lib/duration.ts';
import { isTimeZone, ownTimeZone } from '../lib/local-time.ts';
import { printable } from '../release/problem.ts';
import { ruleFault, type FreezeRule } from './calendar.ts';

const LONGEST_MS = 366 * 86_400_000;

const duration = z.string().transform((text, context) => {
  const ms = parseDuration(text);
  if (ms !== undefined && ms >= 60_000 && ms <= LONGEST_MS) return ms;
  context.addIssue({ code: 'custom', message: 'a duration such as 8h or 64h, from 1m to 366d' });
  return z.NEVER;
});

/** An entry of `freezes:` in the server file, without the place where it stands. */
export const freezeEntry = z
  .strictObject({
    cron: z.string().trim(),
    for: duration,
    'time-zone': z
      .string()
      .refine(isTimeZone, 'the name of a time zone such as Europe/Berlin')
      .default(ownTimeZone),
    services: z
      .array(z.string().regex(/^[a-z](?:[a-z0-9-]{0,38}[a-z0-9])?$/u, 'the name of a service'))
      .min(1)
      .max(1000)
      .nullable()
      .default(null),
    also: z.literal('advancing').nullable().default(null),
    reason: z.string().trim().min(1).max(500).transform(printable).nullable().default(null),
  })
  .transform((entry, context): Omit<FreezeRule, 'place'> => {
    const { cron, for: forMs, 'time-zone': timeZone, services, also, reason } = entry;
    const fault = ruleFault({ cron, forMs, timeZone });
    if (fault !== null) context.addIssue({ code: 'custom', message: fault });
    return { cron, forMs, timeZone, services, alsoAdvancing: also !== null, reason };
  });
