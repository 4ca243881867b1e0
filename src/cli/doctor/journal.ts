import type { Inspection } from '../../journal/inspect.ts';
import { failure, ok, warning, type Finding, type Server } from './finding.ts';

/** The server checked the journal when it opened it; where none runs, `inspect` looks at a copy. */
export function journalFinding(server: Server, inspect: () => Inspection): Finding {
  if (server.reached) return ok('journal', `held by the server, ${server.info.lastSeq} events`);
  const found = inspect();
  switch (found.kind) {
    case 'none':
      return ok('journal', 'there is none yet');
    case 'sound':
      return ok('journal', `sound, ${found.events} events`);
    case 'large':
      return warning(
        'journal',
        'too large to be looked at while no server runs',
        'start the server: it checks its journal',
      );
    case 'bad':
      return failure(
        'journal',
        `not usable: ${found.why}`,
        'bring back the whole state directory from a copy; traffic goes on meanwhile',
      );
  }
}
