import { renameSync, statSync } from 'node:fs';
import { join } from 'node:path';

/** Of the proxy's state directory. */
const ACCESS_FOLDER = 'access';

/** The workers write to it; the parent puts it aside. */
export function accessLogPath(folder: string, service: string): string {
  return join(folder, `${service}.log`);
}

/** A file of this size is put aside; the eighth up to the half is for what is written meanwhile. */
export function turnAtBytes(keepBytes: number): number {
  return Math.floor((keepBytes * 3) / 8);
}

/** More than this is never in one file, so that it and the one that was put aside are within the bound. */
export function mostBytes(keepBytes: number): number {
  return Math.floor(keepBytes / 2);
}

/**
 * Puts a full file aside, in place of the one before. Workers that have it open write to the end of it; several of them say that
 * it is full, and the second finds a small one. Throws what the system says.
 */
export function turnAccessLog(path: string, keepBytes: number): void {
  if (statSync(path).size >= turnAtBytes(keepBytes)) renameSync(path, `${path}.1`);
}

export function accessFolder(stateDir: string): string {
  return join(stateDir, ACCESS_FOLDER);
}
