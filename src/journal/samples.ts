import type { MeasuredSecond } from '../metrics/measured.ts';
import type { ApartSecond } from '../traffic/counts-row.ts';
import type { IdentitySecond, ReplicaSecond } from '../traffic/counts.ts';

/** Counts per second, kept beside the journal, written once a second for all services outside the main thread. */
export type SampleStore = {
  /** Takes a batch; returns at once. Written within a second; lost only with the machine. Overflow drops the oldest and counts it. */
  append(batch: SampleBatch): void;
  /** Resolves when everything appended before is on disk. */
  flush(): Promise<void>;
  /** Rows in [from, to], in order, with everything appended before. */
  read(query: {
    readonly service: string;
    readonly fromSecond: number;
    readonly toSecond: number;
  }): Promise<SampleRange>;
  /** The cursor of the newest batch, or null. After a kill it may be up to five minutes old where nothing happened. */
  cursor(service: string): Promise<string | null>;
  /**
   * Limits are unix seconds. Per-second rows older than `secondsBefore` become one per minute, those older than `minutesBefore` go; then
   * the oldest until the rest takes `maxBytes`. What `keep` names is left alone, even if it alone takes more. Evidence counts apart:
   * the oldest goes when all of it takes more than `maxEvidenceBytes`.
   */
  compact(limits: {
    readonly secondsBefore: number;
    readonly minutesBefore: number;
    readonly maxBytes: number;
    readonly maxEvidenceBytes: number;
    readonly keep: readonly KeepRange[];
  }): Promise<void>;
  /**
   * Copies the seconds of a rollout that is over to where compaction does not come. Done once, it stays as it is; of seconds that
   * are gone or summed up by then nothing is kept.
   */
  keepEvidence(evidence: EvidenceRange): Promise<void>;
  /** Rows in [from, to] of what was kept, or null: nothing is. `minutesUntil`: what was before it had been summed up by then. */
  readEvidence(query: {
    readonly rollout: string;
    readonly fromSecond: number;
    readonly toSecond: number;
  }): Promise<SampleRange | null>;
  /** Of rollouts whose records go. */
  dropEvidence(rollouts: readonly string[]): Promise<void>;
  /** Flushes, then ends. Harmless when closed already. Nothing may be appended afterwards. */
  close(): Promise<void>;
};

export type SampleBatch = {
  readonly service: string;
  /** Stored with the samples in one transaction, so that neither is ahead of the other. */
  readonly cursor: string;
  readonly upToSecond: number;
  readonly replicas: readonly ReplicaSecond[];
  readonly identities: readonly IdentitySecond[];
  /** What a rollout is judged by before its first share. Absent for none. */
  readonly apart?: readonly ApartSecond[];
  /** What came in of measures, by the second in which it is judged. Absent for none. */
  readonly measured?: readonly MeasuredSecond[];
};

export type SampleRange = {
  readonly replicas: readonly ReplicaSecond[];
  readonly identities: readonly IdentitySecond[];
  /** Absent for none, and in sums of minutes. */
  readonly apart?: readonly ApartSecond[];
  /** Absent for none. */
  readonly measured?: readonly MeasuredSecond[];
  /** Newest closed second that was appended, or null. */
  readonly upToSecond: number | null;
  /** Rows before this second are sums of whole minutes, under the minute's first second; null: none are. */
  readonly minutesUntil: number | null;
};

/** The seconds that a rollout was judged by, those before it included; both ends too. */
export type EvidenceRange = {
  readonly rollout: string;
  readonly service: string;
  readonly fromSecond: number;
  readonly toSecond: number;
};

/** Rollouts under way keep their seconds. */
export type KeepRange = { readonly service: string; readonly fromSecond: number };
