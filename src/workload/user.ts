import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { OperatingError } from '../lib/errors.ts';

export type SystemUser = {
  readonly name: string;
  readonly uid: number;
  readonly gid: number;
  /** All its groups, the primary one included. */
  readonly groups: readonly number[];
  readonly home: string;
};

const NAME = /^[A-Za-z_][A-Za-z0-9_.-]{0,31}$/;
const LOOKUP_MS = 10_000;
const run = promisify(execFile);

/**
 * The user that a service's commands run as, through the system's own name services (so that LDAP works); null for the
 * controller's own. Error: WORKLOAD_USER_NOT_ALLOWED (not on the list, root, unknown, or we cannot become it).
 */
export async function systemUser(
  name: string | null,
  allowed: readonly string[],
): Promise<SystemUser | null> {
  if (name === null) return null;
  if (!allowed.includes(name)) {
    const list = allowed.length === 0 ? 'which is empty' : `which has ${allowed.join(', ')}`;
    throw notAllowed(
      `Commands cannot run as user "${name}": it is not on the server's list of allowed users, ${list}. ` +
        `Add it to the server's file and restart the server, or take "user:" away.`,
    );
  }
  const user = NAME.test(name) ? await lookUp(name) : undefined;
  if (user === undefined) {
    throw notAllowed(
      `Commands cannot run as user "${name}": this machine has no such user. Create it first.`,
    );
  }
  if (user.uid === 0) {
    throw notAllowed(`Commands cannot run as user "${name}": it is root. Name an ordinary user.`);
  }
  const own = process.geteuid!();
  if (own !== 0 && own !== user.uid) {
    throw notAllowed(
      `Commands cannot run as user "${name}": the server runs as uid ${own}, and only root can become another user. ` +
        `Run the server as "${name}" or as root, or take "user:" away.`,
    );
  }
  return user;
}

/** What goes in front of a command so that it runs as the user; empty where we are that user already. */
export function becoming(user: SystemUser | null): readonly string[] {
  if (user === null || user.uid === process.geteuid!()) return [];
  return [
    'setpriv',
    `--reuid=${user.uid}`,
    `--regid=${user.gid}`,
    `--groups=${user.groups.join(',')}`,
    '--inh-caps=-all',
    '--',
  ];
}

async function lookUp(name: string): Promise<SystemUser | undefined> {
  try {
    const [entry, groups] = await Promise.all([
      run('getent', ['passwd', name], { timeout: LOOKUP_MS }),
      run('id', ['-G', name], { timeout: LOOKUP_MS }),
    ]);
    const fields = entry.stdout.trim().split(':');
    return {
      name,
      uid: Number(fields[2]),
      gid: Number(fields[3]),
      groups: groups.stdout.trim().split(/\s+/).map(Number),
      home: fields[5] === undefined || fields[5] === '' ? '/' : fields[5],
    };
  } catch {
    return undefined;
  }
}

function notAllowed(message: string): OperatingError {
  return new OperatingError('WORKLOAD_USER_NOT_ALLOWED', message, { retryable: false });
}
