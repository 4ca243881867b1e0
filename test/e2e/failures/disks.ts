import { execFileSync } from 'node:child_process';
import { closeSync, fsyncSync, mkdtempSync, openSync, rmSync, writeFileSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Scope } from '../stage.ts';

/** Why a test that mounts a disk of its own cannot run here, or false. */
export const NO_DISKS: string | false = canMount() ? false : 'needs root: a small file system is mounted';

/** What gives a directory a file system of its own. Call it before the stage is opened: it has to go before the directory. */
export function disk(scope: Scope, mebibytes: number): (directory: string) => void {
  const undo: string[] = [];
  scope.after(async () => undo.forEach((directory) => execFileSync('umount', ['--lazy', directory])));
  return (directory) => {
    execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${mebibytes}m,mode=755`, 'tmpfs', directory]);
    undo.push(directory);
  };
}

/** The same on ext4, which can be made to fail as it does on a broken disk: by becoming read-only under whoever writes. */
export function failingDisk(
  scope: Scope,
  mebibytes: number,
): { prepare: (directory: string) => void; fail: () => void } {
  const image = join(mkdtempSync(join(tmpdir(), 'bascule-disk-')), 'image');
  execFileSync('truncate', ['-s', `${mebibytes}M`, image]);
  execFileSync('mkfs.ext4', ['-q', '-F', image]);
  let directory: string | null = null;
  const mount = (): void => {
    execFileSync('mount', ['-o', 'loop,errors=remount-ro', image, directory!]);
  };
  const unmount = (): void => {
    execFileSync('umount', ['--lazy', directory!]);
  };
  scope.after(async () => {
    if (directory !== null) unmount();
    rmSync(join(image, '..'), { recursive: true });
  });
  return {
    prepare: (at) => {
      directory = at;
      mount();
    },
    fail: () => {
      const device = execFileSync('findmnt', ['-no', 'SOURCE', directory!], { encoding: 'utf8' }).trim();
      writeFileSync(`/sys/fs/ext4/${device.replace('/dev/', '')}/trigger_fs_error`, '1');
    },
  };
}

/** Takes the last free byte of the disk that a directory is on; `rmSync` of the result gives them back. */
export function fill(directory: string): string {
  const path = join(directory, 'filling');
  const file = openSync(path, 'a');
  for (const size of [1024 * 1024, 4096, 1]) {
    const block = Buffer.alloc(size);
    try {
      for (;;) writeSync(file, block);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOSPC') throw error;
    }
  }
  fsyncSync(file);
  closeSync(file);
  return path;
}

function canMount(): boolean {
  if (process.geteuid?.() !== 0) return false;
  const directory = execFileSync('mktemp', ['-d'], { encoding: 'utf8' }).trim();
  try {
    execFileSync('mount', ['-t', 'tmpfs', 'tmpfs', directory], { stdio: 'ignore' });
    execFileSync('umount', [directory]);
    return true;
  } catch {
    return false;
  } finally {
    rmSync(directory, { recursive: true });
  }
}
