import { statfs } from 'node:fs/promises';
import { OperatingError } from '../../lib/errors.ts';

/** What an unprivileged program may still write there. */
export async function freeBytes(path: string): Promise<number> {
  const found = await statfs(path);
  return found.bavail * found.bsize;
}

/** Error: WORKLOAD_DISK_FULL when less is free than needed. */
export async function assertSpace(path: string, neededBytes: number, doing: string): Promise<void> {
  const free = await freeBytes(path);
  if (free >= neededBytes) return;
  throw diskFull(
    path,
    `needs ${inMib(neededBytes)} free, the reserve included, but there are ${inMib(free)}`,
    doing,
  );
}

/** The same for a disk that filled up on the way. */
export function asDiskError(error: unknown, path: string, doing: string): unknown {
  const { code } = error as NodeJS.ErrnoException;
  if (code !== 'ENOSPC' && code !== 'EDQUOT') return error;
  return diskFull(path, `ended with ${code}: no space was left`, doing);
}

function diskFull(path: string, what: string, doing: string): OperatingError {
  return new OperatingError(
    'WORKLOAD_DISK_FULL',
    `${doing} ${what} on the disk of ${path}. Nothing was kept; free some space and try again.`,
    { retryable: true },
  );
}

function inMib(bytes: number): string {
  return `${Math.round(bytes / 1024 / 1024)} MiB`;
}
