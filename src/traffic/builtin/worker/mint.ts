import { randomBytes } from 'node:crypto';

const POOL_BYTES = 4096;
const ID_BYTES = 16;

/** New identities, request ids and draws of one worker. */
export class Mint {
  private pool: Buffer = randomBytes(POOL_BYTES);
  private used = 0;
  private requests = 0;
  private readonly prefix = randomBytes(8).toString('hex');

  /** 128 random bits in hex. */
  identity(): string {
    return this.take(ID_BYTES).toString('hex');
  }

  /** Unique among all workers: a random prefix and a number. */
  requestId(): string {
    this.requests += 1;
    return `${this.prefix}-${this.requests.toString(36)}`;
  }

  /** 53 random bits. */
  draw(): number {
    const bytes = this.take(ID_BYTES);
    return bytes.readUInt32LE(0) * 2 ** 21 + (bytes.readUInt32LE(4) >>> 11);
  }

  private take(bytes: number): Buffer {
    if (this.used + bytes > POOL_BYTES) {
      this.pool = randomBytes(POOL_BYTES);
      this.used = 0;
    }
    this.used += bytes;
    return this.pool.subarray(this.used - bytes, this.used);
  }
}
