import { randomBytes } from 'node:crypto';

const KEY_BYTES = 48;
/** A stolen key opens no more than what was resumed in this time. */
const ROTATE_MS = 43_200_000;

/** What workers seal TLS sessions with, the same for all of them: whoever comes back may come to another worker. */
export class TicketKeys {
  keys: Buffer;

  /** `keys`: of the proxy that this one replaces, whose clients may come back here. */
  constructor(onRotated: (keys: Buffer) => void, keys: Buffer | null) {
    this.keys = keys ?? randomBytes(KEY_BYTES);
    setInterval(() => {
      this.keys = randomBytes(KEY_BYTES);
      onRotated(this.keys);
    }, ROTATE_MS).unref();
  }
}
