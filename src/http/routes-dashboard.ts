import { z } from 'zod';
import { VIEW_SCHEMA } from '../controller/views.ts';
import { schema } from './answers.ts';
import { route, type Route } from './route.ts';

/** Makes a link that logs a browser in. Null token: the caller came through a socket. */
export type LinkMaker = (
  caller: { readonly actor: string; readonly role: 'viewer' | 'operator' | 'admin' },
  token: string | null,
) => Promise<{ readonly url: string; readonly expiresInMs: number }>;

const linkAnswer = z
  .strictObject({
    schema,
    url: z.string().meta({ description: 'Logs one browser in, once.' }),
    expiresInMs: z.int(),
  })
  .meta({ id: 'DashboardLinkAnswer' });

/** Where there are no pages there is no such route. */
export function dashboardRoutes(make: LinkMaker | undefined): readonly Route[] {
  if (make === undefined) return [];
  return [
    {
      ...route({
        method: 'POST',
        path: '/dashboard/link',
        role: 'viewer',
        reach: 'open',
        summary: 'A link that opens the dashboard as yourself, once, within a minute',
        answer: linkAnswer,
        handle: async ({ caller, token }) => ({ schema: VIEW_SCHEMA, ...(await make(caller, token)) }),
      }),
      // A link that was used is no answer to anybody.
      once: false,
    },
  ];
}
