import { lstatSync, statfsSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { failure, ok, warning, type Finding } from './finding.ts';

const MIB = 1024 * 1024;
/** Below the first the next release may not fit; below the second the journal may not. */
const LOW_BYTES = 1024 * MIB;
const NO_BYTES = 64 * MIB;
const LOW_INODES = 20_000;
const NO_INODES = 500;
/** `f_type` of statfs(2): where locks of SQLite do not hold between machines, or at all. */
const SHARED: Readonly<Record<number, string>> = {
  0x6969: 'NFS',
  0xff534d42: 'CIFS',
  0xfe534d42: 'SMB2',
  0x517b: 'SMB',
  0x01021997: '9p',
  0x65735546: 'FUSE',
  0x73757245: 'Coda',
  0x5346414f: 'AFS',
  0x00c36400: 'Ceph',
};
const TEMPORARY: Readonly<Record<number, string>> = { 0x01021994: 'tmpfs', 0x858458f6: 'ramfs' };

export type Space = {
  /** `f_type` of statfs(2). */
  readonly type: number;
  readonly freeBytes: number;
  readonly freeInodes: number;
  /** 0 where the filesystem makes them as it needs them (btrfs). */
  readonly inodes: number;
};

/** The state directory, what is in it, and the disk that it is on. */
export function stateDirectoryFindings(stateDir: string, uid: number): readonly Finding[] {
  const found = statSync(stateDir, { throwIfNoEntry: false });
  if (found === undefined)
    return [
      warning(
        'state',
        `${stateDir} is not there yet`,
        'bascule serve makes it, or name another with --state-dir',
      ),
    ];
  if (!found.isDirectory())
    return [failure('state', `${stateDir} is no directory`, 'name another with --state-dir')];
  return [
    ownerFinding(stateDir, found, uid),
    modeFinding(stateDir, found.mode),
    ...spaceFindings(spaceOf(stateDir)),
  ];
}

function ownerFinding(stateDir: string, found: { readonly uid: number }, uid: number): Finding {
  if (found.uid === uid) return ok('state', `${stateDir} is yours (uid ${uid})`);
  if (uid === 0)
    return warning(
      'state',
      `${stateDir} belongs to uid ${found.uid}, and you are root`,
      'run bascule serve as its owner: files that root makes there shut the owner out',
    );
  return ok('state', `${stateDir} belongs to uid ${found.uid}, which runs the server; you are uid ${uid}`);
}

const PRIVATE: readonly (readonly [path: string, allowed: number])[] = [
  ['journal.db', 0o600],
  ['keys', 0o700],
  ['keys/journal.key', 0o400],
  ['secrets', 0o750],
  ['artifacts', 0o700],
  ['sockets', 0o750],
  ['notify', 0o700],
];

/** Who else could read or change it. Names and modes only: nothing is opened. */
function modeFinding(stateDir: string, mode: number): Finding {
  const open = PRIVATE.flatMap(([path, allowed]) => {
    const found = lstatOf(join(stateDir, path));
    const more = found === null ? 0 : found.mode & 0o777 & ~allowed;
    return (more & 0o077) === 0 ? [] : [`chmod ${allowed.toString(8)} ${join(stateDir, path)}`];
  });
  if ((mode & 0o022) !== 0) open.unshift(`chmod 711 ${stateDir}`);
  if (open.length === 0) return ok('modes', 'nobody else can read or write what is private');
  return failure(
    'modes',
    'other users of this machine may read or change what is private',
    open.join(' && '),
  );
}

function lstatOf(path: string) {
  try {
    return lstatSync(path);
  } catch {
    return null; // not there, or not ours to see
  }
}

function spaceOf(stateDir: string): Space {
  const { type, bavail, bsize, ffree, files } = statfsSync(stateDir);
  return { type, freeBytes: bavail * bsize, freeInodes: ffree, inodes: files };
}

/** The disk: room for releases and the journal, and whether locks on it hold. */
export function spaceFindings({ type, freeBytes, freeInodes, inodes }: Space): readonly Finding[] {
  const free = `${Math.floor(freeBytes / MIB)} MiB are free`;
  const room = 'delete what is not needed on this disk, or lower keep-releases in server.yaml';
  const bytes =
    freeBytes < NO_BYTES
      ? failure('disk', free, room)
      : freeBytes < LOW_BYTES
        ? warning('disk', free, room)
        : ok('disk', free);
  return [bytes, inodesFinding(freeInodes, inodes), filesystemFinding(type)];
}

function inodesFinding(freeInodes: number, inodes: number): Finding {
  if (inodes === 0) return ok('inodes', 'this filesystem has no fixed number of files');
  const says = `${freeInodes} more files fit`;
  const fix = 'delete small files on this disk; a release is as many files as your application';
  if (freeInodes < NO_INODES) return failure('inodes', says, fix);
  return freeInodes < LOW_INODES ? warning('inodes', says, fix) : ok('inodes', says);
}

function filesystemFinding(type: number): Finding {
  const shared = SHARED[type];
  if (shared !== undefined)
    return failure(
      'filesystem',
      `the state directory is on ${shared}, where locks of SQLite are not to be relied on`,
      'put it on a disk of this machine with --state-dir',
    );
  const temporary = TEMPORARY[type];
  if (temporary !== undefined)
    return warning(
      'filesystem',
      `the state directory is on ${temporary} and is gone after a restart of the machine`,
      'put it on a disk with --state-dir',
    );
  return ok('filesystem', 'a filesystem of this machine');
}
