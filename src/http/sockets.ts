import { chmod, link, lstat, mkdir, rename, rm, stat } from 'node:fs/promises';
import { connect } from 'node:net';
import { join } from 'node:path';
import { ROLES, type Role } from '../controller/controller.ts';
import { messageOf, OperatingError } from '../lib/errors.ts';

/** Longest path of a unix socket on Linux, without the final NUL (unix(7), sun_path). */
const MOST_PATH_BYTES = 107;
const PROBE_MS = 1000;

/** The path of the socket that gives a role. */
export function socketPath(directory: string, role: Role): string {
  return join(directory, `${role}.sock`);
}

/**
 * Makes the directory and checks that no other server listens in it. What a killed server left is no obstacle: its
 * sockets refuse connections and are replaced when the new ones are in place. Two servers that start at the same time
 * are kept apart by the journal's lease, which is taken before.
 */
export async function prepareSockets(directory: string): Promise<void> {
  for (const role of ROLES) {
    const path = socketPath(directory, role);
    if (Buffer.byteLength(path) > MOST_PATH_BYTES) {
      throw new OperatingError(
        'SOCKET_FAILED',
        `The path ${path} is longer than the ${MOST_PATH_BYTES} bytes that a socket may have; no server was started. Choose a shorter state directory.`,
        { retryable: false },
      );
    }
  }
  try {
    await mkdir(directory, { recursive: true, mode: 0o750 });
    await chmod(directory, 0o750);
  } catch (cause) {
    throw new OperatingError(
      'SOCKET_FAILED',
      `${directory} could not be made (${messageOf(cause)}); no server was started.`,
      { retryable: false, cause },
    );
  }
  for (const role of ROLES) await refuseIfServed(socketPath(directory, role));
}

async function refuseIfServed(path: string): Promise<void> {
  const found = await lstat(path).catch(() => null);
  if (found === null) return;
  if (!found.isSocket()) {
    throw new OperatingError(
      'SOCKET_FAILED',
      `${path} is there and is not a socket; it was left alone and no server was started. Move it away.`,
      { retryable: false },
    );
  }
  if (!(await answers(path))) return;
  throw new OperatingError('SOCKET_IN_USE', `Another server listens on ${path}; no second one was started.`, {
    retryable: false,
  });
}

/** Whether somebody accepts connections there. One who is too busy to accept counts. */
function answers(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(path);
    const end = (answered: boolean) => {
      socket.destroy();
      resolve(answered);
    };
    socket.setTimeout(PROBE_MS, () => end(true));
    socket.once('connect', () => end(true));
    socket.once('error', (error: NodeJS.ErrnoException) => end(error.code === 'EAGAIN'));
  });
}

export type Listening = {
  readonly undo: () => Promise<void>;
  /** Gives the socket its name again where that is gone; `lost`: there is nothing left to give it to. */
  readonly mend: () => Promise<'whole' | 'mended' | 'lost'>;
};

/**
 * Listens under a name of its own, sets the mode, and takes the final name by renaming: nobody finds a socket that is
 * not protected yet, and a stale one is replaced without a moment in which there is none. Its own name stays as a second one, so that the socket
 * can be given its name again when somebody deletes that.
 */
export async function listenOn(listen: (path: string) => Promise<unknown>, path: string): Promise<Listening> {
  const own = path.replace(/\.sock$/, '.new');
  try {
    await rm(own, { force: true });
    await listen(own);
    await chmod(own, 0o660);
    await rename(own, path);
    await link(path, own);
  } catch (cause) {
    throw new OperatingError(
      'SOCKET_FAILED',
      `The socket ${path} could not be made (${messageOf(cause)}); no server was started.`,
      { retryable: false, cause },
    );
  }
  const { ino } = await stat(path);
  return {
    undo: async () => {
      for (const name of [own, path]) {
        const now = await stat(name).catch(() => null);
        // Another server may have taken the name since.
        if (now?.ino === ino) await rm(name, { force: true });
      }
    },
    mend: async () => {
      const [now, kept] = await Promise.all([path, own].map((name) => stat(name).catch(() => null)));
      if (now || kept?.ino !== ino) return now ? 'whole' : 'lost';
      await link(own, path);
      return 'mended';
    },
  };
}
