import type { Address } from '../lib/address.ts';
import type { Release } from '../release/release.ts';
import type { SlotName } from '../release/slot.ts';

/** Starts and stops what serves. One implementation per kind of workload; all pass `conformance.ts`. */
export type WorkloadRuntime = {
  /**
   * Makes `replicas` replicas of the release run in the slot, one per address, and keeps them up (crash restarts with
   * back-off) until `stop`. Resolves once started, not ready. Idempotent: what runs already with the same release is
   * left alone; replicas at or above `replicas` are stopped. Errors: WORKLOAD_START_FAILED, WORKLOAD_PORT_TAKEN (by whom),
   * WORKLOAD_SECRET_MISSING, WORKLOAD_SECRET_UNSAFE, WORKLOAD_USER_NOT_ALLOWED, WORKLOAD_DISK_FULL, WORKLOAD_STOP_FAILED (of
   * what had to make room), and those of `ReleaseStore.prepare`. Overtaken by a stop or another release: WORKLOAD_START_FAILED.
   */
  ensure(slot: SlotWorkload): Promise<void>;
  /** What runs now, adopted processes included. */
  observe(service: string): Promise<readonly ReplicaState[]>;
  /** SIGTERM to each process group, SIGKILL after the grace. Resolves when none is left. Idempotent. Error: WORKLOAD_STOP_FAILED. */
  stop(service: string, slot: SlotName, graceMs: number): Promise<void>;
  /** Output of the slot's replicas, oldest first; follows until `signal` aborts when `follow`. */
  logs(service: string, slot: SlotName, options: LogOptions): AsyncIterable<LogLine>;
  /** Why replicas are not ready, for people: what listens where, exits, last lines. One line each; never throws. */
  diagnose(service: string, slot: SlotName): Promise<readonly string[]>;
  /** Called after any replica starts or exits. Returns the unsubscriber. */
  onChange(listener: (service: string, slot: SlotName) => void): () => void;
};

export type SlotWorkload = {
  readonly service: string;
  readonly slot: SlotName;
  readonly release: Release;
  readonly replicas: number;
  readonly addresses: readonly Address[];
};

export type ReplicaState = {
  readonly slot: SlotName;
  readonly replica: number;
  readonly releaseId: string;
  readonly address: Address;
  readonly running: boolean;
  readonly pid: number | null;
  /** By the steady clock. */
  readonly startedAtMs: number | null;
  /** Exits that nobody asked for since this replica was first ensured with this release. */
  readonly crashes: number;
  /** `exit code 1`, `signal SIGSEGV`, `gone` (adopted: unknown), or null. */
  readonly lastExit: string | null;
};

export type LogOptions = {
  readonly follow: boolean;
  /** Last lines per replica to begin with. */
  readonly tail: number;
  readonly signal: AbortSignal;
  /** Output of the release with this label that once ran in the slot, instead of what is in it now. */
  readonly label?: string;
};

export type LogLine = { readonly replica: number; readonly releaseId: string; readonly text: string };
