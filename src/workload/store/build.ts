import { mkdir, open, readFile, rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import { formatElapsed } from '../../lib/duration.ts';
import { writeFileDurably } from '../../lib/durable-file.ts';
import { OperatingError } from '../../lib/errors.ts';
import type { Release } from '../../release/release.ts';
import { commandEnvironment, marksOf } from '../environment.ts';
import { readBootId } from '../../lib/boot-id.ts';
import { endSession, spawnSession, type Exit, type SessionId } from '../session.ts';
import type { SystemUser } from '../user.ts';

export type BuildRequest = {
  readonly release: Release;
  readonly command: string;
  readonly directory: string;
  readonly user: SystemUser | null;
  readonly path: string;
  readonly logPath: string;
  /** Where the running build is noted, so that one that outlives us can be ended. */
  readonly recordPath: string;
  readonly deadlineMs: number;
};

const END_GRACE_MS = 2000;
const LAST_LINES = 10;
const LAST_BYTES = 8192;

/**
 * Runs `build:` to its end, as the service's user, with the release's plain values (secrets belong to a start, not to a
 * directory that stays). Nothing that it started is left. Error: BUILD_FAILED with the last lines.
 */
export async function runBuild(request: BuildRequest): Promise<void> {
  const { release } = request;
  const values = Object.fromEntries(
    Object.entries(release.spec.env).flatMap(([name, value]) =>
      value.kind === 'plain' ? [[name, value.value]] : [],
    ),
  );
  const environment = commandEnvironment({ ...request, place: null, values });
  await mkdir(dirname(request.logPath), { recursive: true, mode: 0o750 });
  const output = await open(request.logPath, 'w', 0o640);
  try {
    const session = await spawnSession({
      command: request.command,
      cwd: request.directory,
      environment,
      user: request.user,
      output: output.fd,
      toolPath: request.path,
    });
    try {
      await writeFileDurably(
        request.recordPath,
        JSON.stringify({ ...session.id, bootId: readBootId() }),
        0o600,
      );
      session.go();
      const exit = await within(session.exited, request.deadlineMs);
      if (exit?.code !== 0) throw await failed(request, exit);
    } finally {
      session.abandon();
      await endSession(session.id, marksOf(release.service, release.label, null), END_GRACE_MS);
      await rm(request.recordPath, { force: true });
    }
  } finally {
    await output.close();
  }
}

/** Ends a build that a killed controller left running. */
export async function endLostBuild(release: Release, recordPath: string): Promise<void> {
  let record: SessionId & { readonly bootId: string };
  try {
    record = JSON.parse(await readFile(recordPath, 'utf8')) as typeof record;
  } catch {
    return; // none, or torn by a power cut that ended the build too
  }
  if (record.bootId !== readBootId()) return;
  await endSession(record, marksOf(release.service, release.label, null), END_GRACE_MS);
}

/** Null when the time is up first. */
async function within(exited: Promise<Exit>, deadlineMs: number): Promise<Exit | null> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<null>((resolve) => {
    timer = setTimeout(() => resolve(null), deadlineMs);
  });
  try {
    return await Promise.race([exited, late]);
  } finally {
    clearTimeout(timer);
  }
}

async function failed(request: BuildRequest, exit: Exit | null): Promise<OperatingError> {
  const how =
    exit === null
      ? `was not done after ${formatElapsed(request.deadlineMs)} and was ended`
      : exit.signal === null
        ? `ended with exit code ${exit.code}`
        : `was ended by ${exit.signal}`;
  const lines = (await lastText(request.logPath)).trimEnd().split('\n').slice(-LAST_LINES);
  return new OperatingError(
    'BUILD_FAILED',
    `Building ${request.release.id}: "${request.command}" ${how}. No traffic was touched. Whole output: ` +
      `${request.logPath}. Last lines:\n${lines.join('\n')}`,
    { retryable: false },
  );
}

async function lastText(path: string): Promise<string> {
  const file = await open(path, 'r');
  try {
    const { size } = await file.stat();
    const start = Math.max(0, size - LAST_BYTES);
    const { buffer, bytesRead } = await file.read(Buffer.alloc(LAST_BYTES), 0, LAST_BYTES, start);
    return buffer.toString('utf8', 0, bytesRead);
  } finally {
    await file.close();
  }
}
