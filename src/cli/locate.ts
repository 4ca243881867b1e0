import { constants } from 'node:fs';
import { access } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join, resolve } from 'node:path';
import { messageOf, OperatingError } from '../lib/errors.ts';
import type { Io } from './io.ts';

export type Where = { readonly socket?: string; readonly stateDir?: string; readonly host?: string };

/** Highest role first: a command uses the first socket that its user may open. */
const SOCKETS = ['admin.sock', 'operator.sock', 'viewer.sock'];

/** The directory of the server: `--state-dir`, BASCULE_STATE_DIR, or the user's own. */
export function stateDirOf(where: Where, io: Io): string {
  const named = where.stateDir ?? io.env['BASCULE_STATE_DIR'];
  if (named !== undefined && named !== '') return resolve(io.cwd, named);
  const root = process.getuid?.() === 0;
  return root ? '/var/lib/bascule' : join(io.env['HOME'] ?? homedir(), '.local/state/bascule');
}

/** The socket to use. Errors: SERVER_UNREACHABLE, SOCKET_NOT_ALLOWED. */
export async function socketOf(where: Where, io: Io): Promise<string> {
  const paths =
    where.socket === undefined
      ? SOCKETS.map((name) => join(stateDirOf(where, io), 'sockets', name))
      : [resolve(io.cwd, where.socket)];
  let refused: unknown;
  for (const path of paths) {
    try {
      await access(path, constants.R_OK | constants.W_OK);
      return path;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EACCES') throw unreachable(where, path, error);
      refused = error;
    }
  }
  throw new OperatingError(
    'SOCKET_NOT_ALLOWED',
    `You may not open ${paths.length === 1 ? paths[0] : `any socket in ${join(stateDirOf(where, io), 'sockets')}`}; nothing was done. Its group gives the role.`,
    { retryable: false, cause: refused },
  );
}

export function unreachable(where: Where, path: string, cause: unknown): OperatingError {
  const { code } = cause as NodeJS.ErrnoException;
  const why =
    code === 'ENOENT' ? 'it is not there' : code === 'ECONNREFUSED' ? 'nobody listens' : messageOf(cause);
  const start =
    where.stateDir === undefined ? 'bascule serve' : `bascule serve --state-dir ${where.stateDir}`;
  return new OperatingError(
    'SERVER_UNREACHABLE',
    `No server answers at ${path} (${why}); nothing was done. Start one with: ${start}`,
    { retryable: true, cause },
  );
}
