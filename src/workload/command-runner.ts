import type { Release } from '../release/release.ts';

/** Runs commands of a release that are neither a replica nor a check of it. */
export type CommandRunner = {
  /**
   * As the service's user, in the release's directory, with its plain environment and `more`; no secrets, nothing of ours. Ends by
   * itself, after its time, or when `signal` aborts, with all that it started. Errors: those of `ReleaseStore.prepare`, WORKLOAD_START_FAILED,
   * WORKLOAD_STOP_FAILED.
   */
  run(command: CommandOfRelease, signal: AbortSignal): Promise<CommandOutcome>;
};

export type CommandOfRelease = {
  readonly release: Release;
  readonly command: string;
  readonly withinMs: number;
  /** Names it among the commands of its service; one of a name runs at a time. */
  readonly name: string;
  readonly more: Readonly<Record<string, string>>;
};

export type CommandOutcome = {
  /** Exit code, or null where it was ended or killed. */
  readonly code: number | null;
  /** `exit code 1 after 0.2s`, `not done within 30s, and ended`. */
  readonly found: string;
  /** The last lines of what it wrote, at most ten. */
  readonly lines: readonly string[];
};
