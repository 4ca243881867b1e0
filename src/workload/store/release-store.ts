import { execFile } from 'node:child_process';
import { chmod, mkdir, readdir, readFile, rm, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { assert } from '../../lib/assert.ts';
import type { Clock } from '../../lib/clock.ts';
import { syncDirectory, writeFileDurably } from '../../lib/durable-file.ts';
import { OperatingError } from '../../lib/errors.ts';
import type { Release } from '../../release/release.ts';
import { fileNameOf, textOfFileName } from '../file-name.ts';
import type { ReleaseStore } from '../store.ts';
import { systemUser, type SystemUser } from '../user.ts';
import { unpackArchive } from './archive.ts';
import { Artifacts } from './artifacts.ts';
import { endLostBuild, runBuild } from './build.ts';
import { asDiskError, assertSpace, freeBytes } from './disk.ts';
import type { StoreLimits } from './limits.ts';

export type ReleaseStoreOptions = {
  /** Has `artifacts/SHA256`, `releases/SERVICE/LABEL/files` and `builds/SERVICE/LABEL.log`. */
  readonly stateDir: string;
  readonly limits: StoreLimits;
  readonly allowedUsers: readonly string[];
  /** PATH of builds, unless the release sets its own. */
  readonly path: string;
  readonly clock: Clock;
};

const TOOL_MS = 120_000;
const runTool = promisify(execFile);

/** Opens the store in a state directory that nobody else uses. */
export async function releaseStore(options: ReleaseStoreOptions): Promise<ReleaseStore> {
  const root = join(options.stateDir, 'releases');
  const artifacts = new Artifacts(join(options.stateDir, 'artifacts'), options.limits);
  // Who knows a name can walk through; what is behind is closed to all but its owner.
  await mkdir(root, { recursive: true, mode: 0o711 });
  await artifacts.open();
  /** Releases being prepared: whoever asks for the same one waits for the same result. */
  const preparing = new Map<string, { readonly release: Release; readonly done: Promise<string> }>();
  /** Those that were asked for since the last pruning began, which does not know of them. */
  const asked = new Map<string, Release>();
  /** Directories that are being deleted. */
  const deleting = new Map<string, Promise<void>>();

  return {
    put: (stream, expectedDigest) => artifacts.put(stream, expectedDigest),
    has: (digest) => artifacts.has(digest),
    async space() {
      return { freeBytes: await freeBytes(root) };
    },
    prepare(release) {
      asked.set(release.id, release);
      const under = preparing.get(release.id);
      if (under !== undefined && isSame(under.release, release)) return under.done;
      // A release that never got traffic may have lost its name to this one while it is still being built.
      const former = under?.done.catch(() => undefined) ?? Promise.resolve();
      const done = former
        .then(() => deleting.get(release.id)?.catch(() => undefined))
        .then(() => prepare(options, artifacts, release))
        .finally(() => preparing.get(release.id)?.done === done && preparing.delete(release.id));
      preparing.set(release.id, { release, done });
      return done;
    },
    async prune(keep) {
      asked.clear();
      for (const { release } of preparing.values()) asked.set(release.id, release);
      const ids = new Set(keep.map(({ id }) => id));
      const directories = await pruneDirectories(options.stateDir, {
        isKept: (id) => ids.has(id) || asked.has(id),
        deleting,
      });
      const needed = [...keep, ...asked.values()];
      const digests = new Set(needed.flatMap(({ artifactDigest }) => artifactDigest ?? []));
      return [...directories, ...(await artifacts.prune(digests, options.clock.nowMs()))];
    },
  };
}

type Paths = {
  readonly home: string;
  /** Its final place from the start: builds write absolute paths into what they make (a Python venv does). */
  readonly files: string;
  /** Written last: a directory without it is unfinished and made anew. */
  readonly marker: string;
  readonly buildRecord: string;
  readonly buildLog: string;
};

function pathsOf(stateDir: string, release: Release): Paths {
  const name = join(release.service, fileNameOf(release.label));
  const home = join(stateDir, 'releases', name);
  return {
    home,
    files: join(home, 'files'),
    marker: join(home, 'prepared.json'),
    buildRecord: join(home, 'build.json'),
    buildLog: join(stateDir, 'builds', `${name}.log`),
  };
}

async function prepare(
  options: ReleaseStoreOptions,
  artifacts: Artifacts,
  release: Release,
): Promise<string> {
  const paths = pathsOf(options.stateDir, release);
  if (await isPrepared(paths, release)) return paths.files;
  const user = await systemUser(release.spec.user, options.allowedUsers);
  await endLostBuild(release, paths.buildRecord);
  await rm(paths.home, { recursive: true, force: true });
  try {
    await unpack(options, artifacts, release, user);
    const { build } = release.spec;
    if (build !== null) {
      await runBuild({
        release,
        command: build,
        directory: paths.files,
        user,
        path: options.path,
        logPath: paths.buildLog,
        recordPath: paths.buildRecord,
        deadlineMs: options.limits.buildMs,
      });
    }
    // The marker may not reach the disk before what it vouches for.
    await runTool('sync', ['-f', paths.files], { timeout: TOOL_MS });
    const { artifactDigest, configDigest } = release;
    await writeFileDurably(paths.marker, JSON.stringify({ artifactDigest, configDigest }), 0o600);
    return paths.files;
  } catch (error) {
    await rm(paths.home, { recursive: true, force: true });
    throw asDiskError(error, paths.home, `Preparing ${release.id}`);
  }
}

async function isPrepared(paths: Paths, release: Release): Promise<boolean> {
  const text = await readFile(paths.marker, 'utf8').catch(() => null);
  if (text === null) return false;
  // Another one had the name, and never got traffic or was removed with its service: made anew.
  return isSame(JSON.parse(text) as Digests, release);
}

type Digests = Pick<Release, 'artifactDigest' | 'configDigest'>;

function isSame(a: Digests, b: Digests): boolean {
  return a.artifactDigest === b.artifactDigest && a.configDigest === b.configDigest;
}

async function unpack(
  options: ReleaseStoreOptions,
  artifacts: Artifacts,
  release: Release,
  user: SystemUser | null,
): Promise<void> {
  const paths = pathsOf(options.stateDir, release);
  const { artifactDigest } = release;
  assert(artifactDigest !== null, `${release.id} is run by somebody else: there is nothing to unpack`);
  const packedBytes = await artifacts.bytes(artifactDigest);
  if (packedBytes === null) {
    throw new OperatingError(
      'ARTIFACT_MISSING',
      `Preparing ${release.id}: its artifact ${artifactDigest.slice(0, 12)} is not on this server. ` +
        `Deploy that version again from its source.`,
      { retryable: false },
    );
  }
  const needed = packedBytes * 2 + options.limits.reserveBytes;
  await assertSpace(join(options.stateDir, 'releases'), needed, `Preparing ${release.id}`);
  await mkdir(paths.files, { recursive: true, mode: 0o700 });
  await unpackArchive(artifacts.path(artifactDigest), paths.files, options.limits);
  await syncDirectory(dirname(paths.home));
  if (user === null || user.uid === process.geteuid!()) return;
  await runTool('chown', ['-Rh', `${user.uid}:${user.gid}`, paths.files], { timeout: TOOL_MS });
  await letThrough(paths.files, options.stateDir, user);
}

/** Another user must be able to walk to the directory. Ours we open for walking, not for listing; others are not ours. */
async function letThrough(files: string, stateDir: string, user: SystemUser): Promise<void> {
  for (let directory = dirname(files); ; directory = dirname(directory)) {
    const { mode } = await stat(directory);
    const inside = directory.startsWith(`${stateDir}/`);
    if (inside && (mode & 0o001) === 0) await chmod(directory, mode | 0o111);
    if (!inside && (mode & 0o001) === 0) {
      throw new OperatingError(
        'WORKLOAD_USER_NOT_ALLOWED',
        `Commands cannot run as user "${user.name}": it cannot reach the releases, because ${directory} is closed to it. ` +
          `Run: chmod o+x ${directory}`,
        { retryable: false },
      );
    }
    if (directory === dirname(directory)) return;
  }
}

type Pruning = {
  readonly isKept: (id: string) => boolean;
  readonly deleting: Map<string, Promise<void>>;
};

/** Deletes the directories of all other releases, and their build logs. Returns their ids. */
async function pruneDirectories(stateDir: string, { isKept, deleting }: Pruning): Promise<string[]> {
  const gone: string[] = [];
  const root = join(stateDir, 'releases');
  for (const service of await directoriesIn(root)) {
    for (const name of await directoriesIn(join(root, service))) {
      const id = `${service}/${textOfFileName(name)}`;
      // Asked now: of a thousand services it takes a while to get here.
      if (isKept(id)) continue;
      const done = deleteHome(join(root, service, name), join(stateDir, 'builds', service, `${name}.log`));
      deleting.set(id, done);
      await done.finally(() => deleting.delete(id));
      gone.push(id);
    }
  }
  return gone;
}

async function deleteHome(home: string, buildLog: string): Promise<void> {
  // The marker first: a kill in the middle must not leave half a directory that passes for prepared.
  await rm(join(home, 'prepared.json'), { force: true });
  await syncDirectory(home);
  await rm(home, { recursive: true, force: true });
  await rm(buildLog, { force: true });
}

/** Real ones: a link here is not ours, and following it would delete somewhere else. */
async function directoriesIn(path: string): Promise<string[]> {
  const entries = await readdir(path, { withFileTypes: true });
  return entries.filter((entry) => entry.isDirectory()).map((entry) => entry.name);
}
