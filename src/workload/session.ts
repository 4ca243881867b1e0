import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { messageOf, OperatingError } from '../lib/errors.ts';
import { hasEnvironment, isDead, listPids, readStat, type ProcessStat } from './proc.ts';
import { becoming, type SystemUser } from './user.ts';

/** A shell command in a session (setsid(2)) of its own: it outlives us, and all that it starts is found again by the session. */
export type SessionCommand = {
  readonly command: string;
  readonly cwd: string;
  /** The command's whole environment; names are shell identifiers, values have no NUL. */
  readonly environment: Readonly<Record<string, string>>;
  readonly user: SystemUser | null;
  /** Open descriptor that gets stdout and stderr; a file, so that no end of a pipe dies with us. */
  readonly output: number;
  /** PATH in which `cat` and `setpriv` are found: ours, never the command's, because `setpriv` runs as root. */
  readonly toolPath: string;
};

/** Which session: a pid alone may be another program by now. Valid within one boot. */
export type SessionId = { readonly pid: number; readonly startTicks: number };

export type Exit = { readonly code: number | null; readonly signal: string | null };

export type Session = {
  readonly id: SessionId;
  /** Lets the command run. Before this, our death or `abandon` ends the session without running it. */
  go(): void;
  abandon(): void;
  /** Resolves when the session's leader is over. */
  readonly exited: Promise<Exit>;
};

// The gate reads the environment and the word to go from us, as the user already. If we die first it reads the end of
// the file instead and leaves: nothing ever runs that was not recorded. The environment comes this way, and not by
// execve, so that a service's LD_PRELOAD or PATH never acts on a shell or a setpriv that is still root.
const GATE =
  'umask 022; eval "$(cat)"; [ "$bascule_go" = yes ] || exit 0; unset bascule_go; exec "$@" </dev/null';
const KILLED_WITHIN_MS = 5000;

/** Starts the gate. Record `id`, then call `go`. Error: WORKLOAD_START_FAILED. */
export async function spawnSession(command: SessionCommand): Promise<Session> {
  const [file, ...args] = [
    ...becoming(command.user),
    '/bin/sh',
    '-c',
    GATE,
    'sh',
    '/bin/sh',
    '-c',
    asLeader(command.command),
  ];
  let child: ChildProcess;
  let exited: Promise<Exit>;
  try {
    child = spawn(file, args, {
      cwd: command.cwd,
      env: { PATH: command.toolPath },
      detached: true,
      stdio: ['pipe', command.output, command.output],
    });
    exited = new Promise((resolve) => child.once('exit', (code, signal) => resolve({ code, signal })));
    await once(child, 'spawn');
  } catch (error) {
    throw startFailed(`${file} did not start in ${command.cwd} (${messageOf(error)})`, error);
  }
  child.unref();
  const gate = child.stdin!;
  // A gate that was killed breaks the pipe; `exited` tells.
  gate.on('error', () => undefined);
  const stat = readStat(child.pid!);
  if (stat === null) throw startFailed('its shell was gone at once', undefined);
  return {
    id: { pid: stat.pid, startTicks: stat.startTicks },
    go: () => void gate.end(`${exportsOf(command.environment)}bascule_go=yes\n`),
    abandon: () => void gate.end(),
    exited,
  };
}

export function isLeaderAlive(id: SessionId): boolean {
  const leader = readStat(id.pid);
  return leader !== null && leader.startTicks === id.startTicks && !isDead(leader);
}

/**
 * The living processes of a session, those that left its process group included (not those that began a session of their
 * own). The kernel gives no pid away while a session has that number: so a leader with another start time means that ours is
 * empty, and a leader or a `known` member that is still there means that it is ours. Where there is neither, what has the
 * number is ours only if it carries `marks` in its environment.
 */
export function sessionMembers(
  id: SessionId,
  marks: Readonly<Record<string, string>>,
  known: readonly ProcessStat[] = [],
): ProcessStat[] {
  const leader = readStat(id.pid);
  if (leader !== null && leader.startTicks !== id.startTicks) return [];
  const certain = leader !== null || known.some((member) => isSame(readStat(member.pid), member));
  return listPids()
    .map(readStat)
    .filter((stat) => stat !== null)
    .filter((stat) => stat.session === id.pid && stat.startTicks >= id.startTicks && !isDead(stat))
    .filter((stat) => certain || hasEnvironment(stat.pid, marks));
}

function isSame(stat: ProcessStat | null, member: ProcessStat): boolean {
  return stat !== null && stat.startTicks === member.startTicks;
}

/** SIGTERM to all of a session, SIGKILL after the grace; resolves when none is left. Error: WORKLOAD_STOP_FAILED. */
export async function endSession(
  id: SessionId,
  marks: Readonly<Record<string, string>>,
  graceMs: number,
): Promise<void> {
  const look = (known: readonly ProcessStat[]): ProcessStat[] => sessionMembers(id, marks, known);
  let members = look([]);
  signal(members, id, 'SIGTERM');
  members = await waitForEnd(members, look, graceMs);
  const killBy = performance.now() + KILLED_WITHIN_MS;
  // Again and again, because a child may be born between the look and the signal.
  while (members.length > 0 && performance.now() < killBy) {
    signal(members, id, 'SIGKILL');
    members = await waitForEnd(members, look, 200);
  }
  if (members.length === 0) return;
  const left = members.map((stat) => `${stat.pid} (${stat.name}, state ${stat.state})`);
  throw new OperatingError(
    'WORKLOAD_STOP_FAILED',
    `Stopping session ${id.pid}: after SIGKILL and ${KILLED_WITHIN_MS / 1000}s these processes are still there: ` +
      `${left.join(', ')}. State D hangs in the kernel, on a dead disk or network share for example; it is tried again.`,
    { retryable: true },
  );
}

/** Those that are left when none is, or when the time is up. */
async function waitForEnd(
  members: readonly ProcessStat[],
  look: (known: readonly ProcessStat[]) => ProcessStat[],
  withinMs: number,
): Promise<ProcessStat[]> {
  const until = performance.now() + withinMs;
  let left = [...members];
  let pauseMs = 10;
  while (left.length > 0 && performance.now() < until) {
    await sleep(Math.min(pauseMs, Math.max(1, until - performance.now())));
    pauseMs = Math.min(100, pauseMs * 2);
    // Looking at the known ones is cheap; the whole of /proc is read again only when one of them is gone.
    const living = left.filter((member) => {
      const stat = readStat(member.pid);
      return isSame(stat, member) && !isDead(stat!);
    });
    if (living.length < left.length) left = look(living);
  }
  return performance.now() < until ? left : look(left);
}

function signal(members: readonly ProcessStat[], id: SessionId, name: 'SIGTERM' | 'SIGKILL'): void {
  if (members.some((member) => member.group === id.pid)) sendSignal(-id.pid, name);
  for (const member of members) if (member.group !== id.pid) sendSignal(member.pid, name);
}

function sendSignal(target: number, name: 'SIGTERM' | 'SIGKILL'): void {
  try {
    process.kill(target, name);
  } catch {
    // Gone meanwhile, or not ours to signal: the look that follows tells which.
  }
}

const NOT_SIMPLE = /[;&|<>(){}`#\n]|^\s*\w+=/;
const BUILTIN = /^\s*(cd|eval|exec|exit|export|read|set|source|trap|ulimit|umask|unset|wait|[.:!])(\s|$)/;

/**
 * Lets a simple command take the place of its shell, as bash does by itself and dash does not: then the leader is the program,
 * and its exit code or signal is what is reported. Anything else is left to the shell as it is.
 */
function asLeader(command: string): string {
  return NOT_SIMPLE.test(command) || BUILTIN.test(command) ? command : `exec ${command}`;
}

function exportsOf(environment: Readonly<Record<string, string>>): string {
  return Object.entries(environment)
    .map(([name, value]) => `export ${name}='${value.replaceAll("'", String.raw`'\''`)}'\n`)
    .join('');
}

function startFailed(why: string, cause: unknown): OperatingError {
  return new OperatingError(
    'WORKLOAD_START_FAILED',
    `Starting a command: ${why}. Nothing runs; mend that and try again.`,
    { retryable: true, cause },
  );
}
