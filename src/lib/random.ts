import { randomBytes } from 'node:crypto';

/** Randomness as an argument. */
export type Random = {
  /** `bytes` random bytes, as lowercase hex. */
  hex(bytes: number): string;
};

export const systemRandom: Random = { hex: (bytes) => randomBytes(bytes).toString('hex') };
