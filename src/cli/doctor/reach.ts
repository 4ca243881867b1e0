import { accessSync, constants, lstatSync } from 'node:fs';
import { join } from 'node:path';
import { failure, ok, warning, type Finding, type Server } from './finding.ts';

const SOCKETS = ['admin.sock', 'operator.sock', 'viewer.sock'];
/** `sun_path` of unix(7), without its end. */
const LONGEST_SOCKET = 107;

/** The sockets, and which of them you may use. */
export function socketFinding(stateDir: string): Finding {
  const directory = join(stateDir, 'sockets');
  const longest = join(directory, 'operator.sock');
  if (Buffer.byteLength(longest) > LONGEST_SOCKET)
    return failure(
      'sockets',
      `${longest} is longer than the ${LONGEST_SOCKET} bytes that Linux takes`,
      'use a shorter --state-dir',
    );
  const seen = SOCKETS.map((name) => ({ name, may: mayUse(join(directory, name)) }));
  const there = seen.filter(({ may }) => may !== null);
  if (there.length === 0)
    return warning('sockets', `there are none in ${directory}`, 'start the server: bascule serve');
  const open = there.filter(({ may }) => may === true).map(({ name }) => name.replace('.sock', ''));
  if (open.length === 0)
    return failure(
      'sockets',
      `you may open none of those in ${directory}`,
      'become a member of the group of one of them: it gives the role',
    );
  return ok('sockets', `you may act as ${open.join(', ')}`);
}

/** Null where it is not there. */
function mayUse(path: string): boolean | null {
  try {
    if (!lstatSync(path).isSocket()) return null;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EACCES' ? false : null;
  }
  try {
    accessSync(path, constants.R_OK | constants.W_OK);
    return true;
  } catch {
    return false;
  }
}

/** Whether the server answers, and is of this version. `version` is that of the command. */
export function serverFinding(server: Server, version: string): Finding {
  if (!server.reached) {
    const start = 'start it: bascule serve, or systemctl start bascule';
    const fix = server.code === 'SERVER_UNREACHABLE' ? start : `bascule explain ${server.code}`;
    return failure('server', server.message.replace(/; nothing was done\..*$/su, ''), fix);
  }
  const { info } = server;
  if (info.version !== version)
    return warning(
      'server',
      `the server is ${info.version}, this command is ${version}`,
      'restart the server (traffic goes on), or use its own command',
    );
  return ok('server', `${info.version} answers (pid ${info.pid})`);
}
