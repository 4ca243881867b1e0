import { constants, openSync, writeSync } from 'node:fs';

/**
 * Lines to a descriptor, for logs: whatever becomes of it (disk full, terminal closed, a pipe whose reader is gone or stands still),
 * the caller neither fails nor waits. What could not be written is dropped, and counted before the next line that can.
 */
export function lossyLines(descriptor: number): (line: string) => void {
  const own = withoutWaiting(descriptor);
  let dropped = 0;
  return (line) => {
    try {
      const note = dropped === 0 ? '' : `(${dropped} lines could not be written here)\n`;
      writeSync(own, note + line);
      dropped = 0;
    } catch {
      dropped += 1;
    }
  };
}

/** Opened anew, so that not to wait is our own way only. A socket (journald's) cannot be: it is used as it is, and may wait. */
function withoutWaiting(descriptor: number): number {
  try {
    const flags = constants.O_WRONLY | constants.O_APPEND | constants.O_NONBLOCK | constants.O_NOCTTY;
    return openSync(`/proc/self/fd/${descriptor}`, flags);
  } catch {
    return descriptor;
  }
}
