import { failure, ok, warning, type Finding } from './finding.ts';

/** Before this was written no clock can be right: 2025-01-01. */
const EARLIEST_MS = 1_735_689_600_000;
/** How far the start by the clock and the start by the kernel may be apart, milliseconds. */
const JUMP_MS = 30_000;

export type Times = {
  readonly nowMs: number;
  /** When the machine started, as the clock of now has it (`btime` of /proc/stat). */
  readonly bootMs: number;
  /** When the server started, as its own clock had it then; null where none runs. */
  readonly serverStartedMs: number | null;
  /** Since boot until that start, as the kernel counted it. */
  readonly serverStartedAfterBootMs: number | null;
  /** When the newest file of the state directory was written; null where there is none. */
  readonly newestFileMs: number | null;
};

/** Whether the clock is plausible, and whether it jumped since the server was started. */
export function clockFinding(times: Times): Finding {
  const { nowMs, bootMs, serverStartedMs, serverStartedAfterBootMs, newestFileMs } = times;
  const set = 'set the clock (timedatectl set-ntp true)';
  if (nowMs < EARLIEST_MS) return failure('clock', `it is ${new Date(nowMs).toISOString()} here`, set);
  if (newestFileMs !== null && newestFileMs > nowMs + JUMP_MS)
    return failure(
      'clock',
      `files in the state directory are ${seconds(newestFileMs - nowMs)} from the future`,
      set,
    );
  if (serverStartedMs !== null && serverStartedAfterBootMs !== null) {
    const jumpMs = bootMs + serverStartedAfterBootMs - serverStartedMs;
    if (Math.abs(jumpMs) > JUMP_MS)
      return warning(
        'clock',
        `the clock was set ${jumpMs > 0 ? 'forward' : 'back'} by ${seconds(Math.abs(jumpMs))} since the server started`,
        'times in the history before and after do not compare; durations of rollouts are not touched by it',
      );
  }
  return ok('clock', new Date(nowMs).toISOString());
}

function seconds(ms: number): string {
  return `${Math.round(ms / 1000)} s`;
}
