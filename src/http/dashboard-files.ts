import { mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { writeFileDurablySync } from '../lib/durable-file.ts';
import type { OidcOptions } from './oidc-provider.ts';
import { readPages } from './pages.ts';
import type { ApiOptions } from './server.ts';

/** Built beside both `src` and `dist`. */
const BUILT = fileURLToPath(new URL('../../dashboard/built/', import.meta.url));

type Kept = { read(): string | null; write(text: string): void };

/** The built pages, and what is kept of logins in the state directory: hashes, for its owner alone. */
export function openDashboard(
  stateDir: string,
  oidc: OidcOptions | null,
): Pick<ApiOptions, 'dashboard' | 'localPort'> {
  const pages = readPages(BUILT);
  if (pages === null) return {};
  const directory = join(stateDir, 'dashboard');
  const port = keptIn(directory, 'port');
  return {
    dashboard: { pages, sessions: keptIn(directory, 'sessions.json'), ...(oidc !== null && { oidc }) },
    localPort: {
      read: () => portOf(port.read()),
      write: (number) => port.write(String(number)),
    },
  };
}

function keptIn(directory: string, name: string): Kept {
  const file = join(directory, name);
  return {
    read: () => {
      try {
        return readFileSync(file, 'utf8');
      } catch {
        return null;
      }
    },
    write: (text) => {
      try {
        mkdirSync(directory, { recursive: true, mode: 0o700 });
        writeFileDurablySync(file, text, 0o600);
      } catch {
        // On a full disk a login lasts until the server ends, and that is all.
      }
    },
  };
}

function portOf(text: string | null): number | null {
  const port = Number(text ?? 0);
  return Number.isInteger(port) && port > 0 && port < 65_536 ? port : null;
}
