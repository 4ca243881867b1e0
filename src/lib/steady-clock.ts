import {
  linkSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { basename, dirname, join } from 'node:path';
import type { Clock } from './clock.ts';

/** Files of this directory are named after boots of the machine. */
const DIRECTORY = 'clock';
/** A time base of a later boot begins no earlier than twice that after the last one that was written down. */
export const NOTE_EVERY_MS = 60_000;

export type SteadyClock = Clock & {
  /** What is added to the machine's monotonic time. */
  readonly offsetMs: number;
  /**
   * Remembers how far the steady time got, so that the next boot's does not begin before it. To be called more often than
   * once in NOTE_EVERY_MS: it writes that often. Never throws.
   */
  note(): void;
};

export type SteadySources = {
  readonly bootId: string;
  readonly wallMs: () => number;
  /** Since the boot, the same for all processes: CLOCK_MONOTONIC. */
  readonly sinceBootMs: () => number;
};

/** Monotonic time of the machine, not of the process as `performance.now` has it. */
export function sinceBootMs(): number {
  return Number(process.hrtime.bigint() / 1000n) / 1000;
}

/**
 * The steady clock of a state directory. Whoever is first in a boot of the machine fixes the offset, in a file that is made
 * whole or not at all; all others read it. On a disk that takes no file, the offset is this process's own: then two that
 * start in one boot may differ by what the wall clock jumped between them. Never throws.
 */
export function openSteadyClock(stateDir: string, sources: SteadySources): SteadyClock {
  const { bootId, wallMs, sinceBootMs: goneMs } = sources;
  const file = join(stateDir, DIRECTORY, bootId);
  const offsetMs = offsetIn(file, () => wallMs() - goneMs(), goneMs);
  const steadyMs = (): number => Math.floor(offsetMs + goneMs());
  let notedMs = -Infinity;
  return {
    offsetMs,
    nowMs: wallMs,
    steadyMs,
    monotonicMs: () => performance.now(),
    note: () => {
      if (steadyMs() - notedMs < NOTE_EVERY_MS) return;
      notedMs = steadyMs();
      try {
        utimesSync(file, steadyMs() / 1000, steadyMs() / 1000);
      } catch {
        // A state directory that is gone or read-only is told by others.
      }
    },
  };
}

function offsetIn(file: string, fresh: () => number, goneMs: () => number): number {
  const known = readOffset(file);
  if (known !== null) return known;
  const own = Math.max(Math.floor(fresh()), Math.ceil(reachedBefore(dirname(file)) - goneMs()));
  try {
    return makeOffset(file, own);
  } catch {
    return own;
  }
}

/** Seconds of counts of two boots must never have the same number, even if the clock is wrong when the machine starts. */
function reachedBefore(directory: string): number {
  const reached = namesIn(directory).map(
    (name) => statSync(join(directory, name), { throwIfNoEntry: false })?.mtimeMs ?? 0,
  );
  return reached.length === 0 ? -Infinity : Math.max(...reached) + 2 * NOTE_EVERY_MS;
}

/** What is in the file afterwards, whoever made it. */
function makeOffset(file: string, offsetMs: number): number {
  const directory = dirname(file);
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  const temporary = `${file}.${process.pid}`;
  writeFileSync(temporary, String(offsetMs), { mode: 0o600, flush: true });
  try {
    linkSync(temporary, file);
    for (const name of namesIn(directory))
      if (!name.startsWith(basename(file))) rmSync(join(directory, name), { force: true });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
  } finally {
    rmSync(temporary, { force: true });
  }
  return readOffset(file) ?? offsetMs;
}

/** Null where there is none, or a damaged one: that is taken away. */
function readOffset(file: string): number | null {
  try {
    const text = readFileSync(file, 'utf8');
    if (/^-?\d{1,15}$/.test(text)) return Number(text);
    rmSync(file, { force: true });
  } catch {
    // None yet.
  }
  return null;
}

function namesIn(directory: string): readonly string[] {
  try {
    return readdirSync(directory);
  } catch {
    return [];
  }
}
