import type { Address } from '../lib/address.ts';
import type { Release } from '../release/release.ts';
import type { VerifyCheck } from '../release/service.ts';

/** Tries the checks of a release against its preview address. */
export type Checker = {
  /**
   * One attempt of one check; what it finds is its answer, never an error. When `signal` aborts, what it had started is
   * ended (a command with its whole session) before it resolves. Repeatable: what a killed controller left running of the
   * same release is ended first. Errors: those of `ReleaseStore.prepare`, WORKLOAD_START_FAILED, WORKLOAD_STOP_FAILED.
   */
  attempt(check: VerifyCheck, on: CheckedRelease, signal: AbortSignal): Promise<CheckResult>;
};

export type CheckedRelease = { readonly release: Release; readonly preview: Address };

export type CheckResult = {
  readonly ok: boolean;
  /** `200 (8ms)`, `500 instead of 2xx (8ms)`, `exit code 1 after 2.1s`. */
  readonly found: string;
  /** The first 200 bytes of an answer, or the last lines of a command, where it is not ok. */
  readonly output: readonly string[];
};
