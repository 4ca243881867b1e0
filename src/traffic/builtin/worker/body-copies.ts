/** Called once with what went wrong, or nothing; never where the client is gone before. */
export type Written = (error?: Error | null) => void;

/** Node keeps what is smaller together in blocks of its own. */
const SMALL_BYTES = 4096;
/** As much as one read brings. */
const BLOCK_BYTES = 65_536;
const MAX_FREE = 64;

/**
 * Copies of what was read from applications, since what it was read into is filled anew by the next read. Large ones are made in
 * blocks that are used again once their bytes are written: memory that V8 only hears of makes it look through all of its
 * own, which was a quarter of what answers of 100 KiB cost.
 */
export class BodyCopies {
  readonly #free: Buffer[] = [];

  /** `written` goes with the bytes to whoever writes them, last of all that is done with them. */
  copy(view: Buffer): { readonly bytes: Buffer; readonly written: Written | undefined } {
    if (view.length < SMALL_BYTES || view.length > BLOCK_BYTES)
      return { bytes: Buffer.from(view), written: undefined };
    const block = this.#free.pop() ?? Buffer.allocUnsafeSlow(BLOCK_BYTES);
    view.copy(block);
    return {
      bytes: block.subarray(0, view.length),
      written: (error) => {
        // What failed may still be under way.
        if ((error ?? null) === null && this.#free.length < MAX_FREE) this.#free.push(block);
      },
    };
  }
}
