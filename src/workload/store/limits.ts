export type StoreLimits = {
  /** Largest packed artifact. */
  readonly packedBytes: number;
  /** Largest unpacked archive, headers included. */
  readonly unpackedBytes: number;
  readonly entries: number;
  /** Free space that must be left on the disk after an artifact was taken or unpacked. */
  readonly reserveBytes: number;
  readonly buildMs: number;
  /** Artifacts younger than this are not pruned: their release may not be recorded yet. */
  readonly pruneAfterMs: number;
};

const MIB = 1024 * 1024;

export const DEFAULT_LIMITS: StoreLimits = {
  packedBytes: 1024 * MIB,
  unpackedBytes: 4096 * MIB,
  entries: 200_000,
  reserveBytes: 64 * MIB,
  buildMs: 15 * 60_000,
  pruneAfterMs: 60 * 60_000,
};
