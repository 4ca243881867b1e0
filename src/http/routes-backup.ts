import type { Readable } from 'node:stream';
import { route, type Route } from './route.ts';

/** Where the server cannot make backups there is no such route. */
export function backupRoutes(begin: (() => Readable) | undefined): readonly Route[] {
  if (begin === undefined) return [];
  return [
    route({
      method: 'GET',
      path: '/backup',
      role: 'admin',
      summary: 'A backup, as a tar whose last entry is manifest.json; without that it is not whole',
      answer: 'application/x-tar',
      handle: ({ reply }) => reply.type('application/x-tar').send(begin()),
    }),
  ];
}
