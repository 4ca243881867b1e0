import type { IdentitySecond, ReplicaSecond } from '../traffic/counts.ts';

/** Counts per second, kept beside the journal, written once a second for all services outside the main thread. */
export type SampleStore = {
  /** Takes a batch; returns at once. Written within a second; lost only with the machine. Overflow drops the oldest and counts it. */
  append(batch: SampleBatch): void;
  /** Resolves when everything appended before is on disk. */
  flush(): Promise<void>;
  /** Seconds in [from, to], in order. */
  read(query: {
    readonly service: string;
    readonly fromSecond: number;
    readonly toSecond: number;
  }): Promise<SampleRange>;
  /** The cursor stored with the newest batch, or null. */
  cursor(service: string): Promise<string | null>;
  /** Per-second rows older than `secondsBefore` become one per minute, those older than `minutesBefore` go; then the byte cap. */
  compact(limits: {
    readonly secondsBefore: number;
    readonly minutesBefore: number;
    readonly maxBytes: number;
    readonly keep: readonly KeepRange[];
  }): Promise<void>;
  close(): Promise<void>;
};

export type SampleBatch = {
  readonly service: string;
  /** Stored with the samples in one transaction, so that neither is ahead of the other. */
  readonly cursor: string;
  readonly upToSecond: number;
  readonly replicas: readonly ReplicaSecond[];
  readonly identities: readonly IdentitySecond[];
};

export type SampleRange = {
  readonly replicas: readonly ReplicaSecond[];
  readonly identities: readonly IdentitySecond[];
  /** Newest closed second that was stored, or null. */
  readonly upToSecond: number | null;
};

/** Rollouts under way keep their seconds. */
export type KeepRange = { readonly service: string; readonly fromSecond: number };
