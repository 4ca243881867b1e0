import { z } from 'zod';
import { VIEW_SCHEMA } from '../controller/views.ts';
import type { Notifier } from '../notify/channel.ts';
import { NAME } from '../release/forms.ts';
import { schema } from './answers.ts';
import { Rates, tooMany } from './rates.ts';
import { route, type Route } from './route.ts';

const testBody = z
  .strictObject({
    channel: z
      .string()
      .regex(NAME, 'is not the name of a channel')
      .nullable()
      .default(null)
      .meta({ description: 'As the file of the server names it; null: all of them.' }),
  })
  .meta({ id: 'NotifyTestBody' });

const triedAnswer = z
  .strictObject({
    schema,
    tried: z
      .array(
        z.strictObject({
          channel: z.string(),
          kind: z.string(),
          ok: z.boolean(),
          why: z.string().nullable().meta({ description: 'Why it was not taken; null where it was.' }),
          status: z.int().nullable().meta({
            description: 'What the receiver answered (HTTP, or SMTP); null: nothing that is known.',
          }),
          tookMs: z.int().min(0),
        }),
      )
      .readonly(),
  })
  .meta({ id: 'NotifyTestAnswer' });

/** For each channel, and for all of them at once: receivers count against the server what it sends. */
const TESTS = { burst: 5, perSecond: 0.1 };

/** Where the server tells nobody there is no such route. */
export function notifyRoutes(notifier: Notifier | undefined, nowMs: () => number): readonly Route[] {
  if (notifier === undefined) return [];
  const rates = new Rates(TESTS, nowMs);
  return [
    {
      ...route({
        method: 'POST',
        path: '/notify/test',
        role: 'admin',
        summary: 'Send a test message, once, and say what came of it',
        body: testBody,
        answer: triedAnswer,
        handle: async ({ body, reply, caller, note }) => {
          const seconds = rates.take(body.channel ?? '');
          if (seconds > 0) throw tooMany(seconds, reply);
          const tried = await notifier.test(body.channel);
          const said = tried.map(
            ({ channel, ok, why }) => `${channel} ${ok ? 'took it' : `did not: ${why ?? ''}`}`,
          );
          note({ caller, verb: 'notify test', result: 'done', code: null, why: said.join('; ') });
          return { schema: VIEW_SCHEMA, tried };
        },
      }),
      // Sent again is sent twice, and nothing else.
      once: false,
    },
  ];
}
