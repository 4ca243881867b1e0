import { VIEW_SCHEMA } from '../controller/views.ts';
import { settingsAnswer } from './answers-settings.ts';
import { route, type Route } from './route.ts';
import type { SettingsView } from './server-settings.ts';

/** Looking alone: the file of the server is where they change. */
export function settingsRoutes(look: (() => Promise<SettingsView>) | undefined): readonly Route[] {
  if (look === undefined) return [];
  return [
    route({
      method: 'GET',
      path: '/settings',
      role: 'viewer',
      summary: 'How the server is set up: addresses, logins, channels, freezes, limits; nothing secret',
      answer: settingsAnswer,
      handle: async () => ({ schema: VIEW_SCHEMA, settings: await look() }),
    }),
  ];
}
