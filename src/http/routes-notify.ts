import { z } from 'zod';
import { VIEW_SCHEMA } from '../controller/views.ts';
import type { Notifier } from '../notify/channel.ts';
import { NAME } from '../release/forms.ts';
import { schema } from './answers.ts';
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
        }),
      )
      .readonly(),
  })
  .meta({ id: 'NotifyTestAnswer' });

/** Where the server tells nobody there is no such route. */
export function notifyRoutes(notifier: Notifier | undefined): readonly Route[] {
  if (notifier === undefined) return [];
  return [
    {
      ...route({
        method: 'POST',
        path: '/notify/test',
        role: 'admin',
        summary: 'Send a test message, once, and say what came of it',
        body: testBody,
        answer: triedAnswer,
        handle: async ({ body }) => ({ schema: VIEW_SCHEMA, tried: await notifier.test(body.channel) }),
      }),
      // Sent again is sent twice, and nothing else.
      once: false,
    },
  ];
}
