import type { ReleaseSpec } from './service.ts';

/** An immutable record: what ran, to the byte. A rollback starts exactly this again. */
export type Release = {
  /** `shop/v42`: service and label, unique for ever. */
  readonly id: string;
  readonly service: string;
  /** The version that people see; unique per service. */
  readonly label: string;
  /** sha256 hex of the packed artifact; null where somebody else runs it. */
  readonly artifactDigest: string | null;
  /** sha256 hex of the canonical JSON of `spec`. */
  readonly configDigest: string;
  /** sha256 hex over names, plain values and an HMAC of each secret's value. */
  readonly environmentDigest: string;
  readonly spec: ReleaseSpec;
  readonly createdAtMs: number;
  readonly createdBy: string;
};
