import { mkdir, open, readFile, rm, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { formatElapsed } from '../../lib/duration.ts';
import { writeFileDurably } from '../../lib/durable-file.ts';
import type { CheckResult } from '../checker.ts';
import { readBootId } from '../../lib/boot-id.ts';
import { endSession, spawnSession, type Exit, type SessionId } from '../session.ts';
import type { SystemUser } from '../user.ts';

export type CommandRequest = {
  readonly command: string;
  readonly withinMs: number;
  readonly directory: string;
  readonly environment: Readonly<Record<string, string>>;
  readonly user: SystemUser | null;
  readonly toolPath: string;
  /** Of the last check of the service; written anew each time. */
  readonly logPath: string;
  /** Where the running command is noted, so that one that outlives us can be ended. */
  readonly recordPath: string;
  /** What is in the environment of all that it starts. */
  readonly marks: Readonly<Record<string, string>>;
};

type Over = Exit | 'late' | 'stopped' | 'too loud';
type Lost = SessionId & { readonly bootId: string; readonly marks: Readonly<Record<string, string>> };

const END_GRACE_MS = 2000;
const LOOK_MS = 100;
const MOST_OUTPUT_BYTES = 16 * 1024 * 1024;
const LAST_LINES = 10;
const LAST_BYTES = 8192;
const LINE_CHARS = 400;

/** How it ended, in words, and its last lines. `code` is null where it did not end by itself. */
export type CommandEnd = {
  readonly code: number | null;
  readonly found: string;
  readonly lines: readonly string[];
};

export async function runCheck(request: CommandRequest, signal: AbortSignal): Promise<CheckResult> {
  const { code, found, lines } = await runCommand(request, signal);
  return { ok: code === 0, found, output: code === 0 ? [] : lines };
}

/** Runs the command to its end, its time, its output's limit, or the end of the wish for it. Nothing that it started is left. */
export async function runCommand(request: CommandRequest, signal: AbortSignal): Promise<CommandEnd> {
  await endLost(request.recordPath);
  await mkdir(dirname(request.logPath), { recursive: true, mode: 0o700 });
  const began = performance.now();
  const output = await open(request.logPath, 'w', 0o600);
  try {
    const { command, withinMs, directory: cwd, environment, user, toolPath } = request;
    const session = await spawnSession({
      command,
      cwd,
      environment,
      user,
      output: output.fd,
      toolPath,
    });
    let over: Over;
    try {
      const lost: Lost = { ...session.id, bootId: readBootId(), marks: request.marks };
      await writeFileDurably(request.recordPath, JSON.stringify(lost), 0o600);
      session.go();
      over = await overOf(session.exited, request, signal);
    } finally {
      session.abandon();
      await endSession(session.id, request.marks, END_GRACE_MS);
      await rm(request.recordPath, { force: true });
    }
    const took = formatElapsed(performance.now() - began);
    const code = typeof over === 'object' ? over.code : null;
    return { code, found: wordsOf(over, took, withinMs), lines: await lastLines(request.logPath) };
  } finally {
    await output.close();
  }
}

/** Ends a command that a killed controller left running. */
async function endLost(recordPath: string): Promise<void> {
  let lost: Lost;
  try {
    lost = JSON.parse(await readFile(recordPath, 'utf8')) as Lost;
  } catch {
    return; // none, or torn by a power cut that ended the command too
  }
  if (lost.bootId === readBootId()) await endSession(lost, lost.marks, END_GRACE_MS);
}

function overOf(
  exited: Promise<Exit>,
  { withinMs, logPath }: CommandRequest,
  signal: AbortSignal,
): Promise<Over> {
  return new Promise((resolve) => {
    const stop = (): void => settle('stopped');
    const late = setTimeout(() => settle('late'), withinMs);
    const look = setInterval(() => {
      void stat(logPath).then(
        ({ size }) => size > MOST_OUTPUT_BYTES && settle('too loud'),
        () => undefined,
      );
    }, LOOK_MS);
    function settle(over: Over): void {
      clearTimeout(late);
      clearInterval(look);
      signal.removeEventListener('abort', stop);
      resolve(over);
    }
    if (signal.aborted) settle('stopped');
    else signal.addEventListener('abort', stop);
    void exited.then(settle);
  });
}

function wordsOf(over: Over, took: string, withinMs: number): string {
  switch (over) {
    case 'late':
      return `not done within ${formatElapsed(withinMs)}, and ended`;
    case 'stopped':
      return 'ended, because nobody waits for it any more';
    case 'too loud':
      return `ended after ${MOST_OUTPUT_BYTES / 1024 / 1024} MiB of output`;
    default:
      return over.signal === null ? `exit code ${over.code} after ${took}` : `${over.signal} after ${took}`;
  }
}

async function lastLines(path: string): Promise<readonly string[]> {
  const file = await open(path, 'r');
  try {
    const { size } = await file.stat();
    const start = Math.max(0, size - LAST_BYTES);
    const { buffer, bytesRead } = await file.read(Buffer.alloc(LAST_BYTES), 0, LAST_BYTES, start);
    const text = buffer.toString('utf8', 0, bytesRead).trimEnd();
    return text === ''
      ? []
      : text
          .split('\n')
          .slice(-LAST_LINES)
          .map((line) => line.slice(0, LINE_CHARS));
  } finally {
    await file.close();
  }
}
