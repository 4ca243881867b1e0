/** Called once with what went wrong, or nothing; never where the client is gone before. */
export type Written = (error?: Error | null) => void;

/** Node keeps what is smaller together in blocks of its own. */
const SMALL_BYTES = 4096;
/** The largest is as much as one read brings. Of several sizes, so that what waits for a slow client holds at most twice its bytes. */
const BLOCK_BYTES = [8192, 16_384, 32_768, 65_536] as const;
const LARGEST_BYTES = BLOCK_BYTES.at(-1)!;
/** Of each size. */
const MAX_FREE = 64;

/**
 * Copies of what was read from applications, since what it was read into is filled anew by the next read. Large ones are made in
 * blocks that are used again once their bytes are written: memory that V8 only hears of makes it look through all of its
 * own, which was a quarter of what answers of 100 KiB cost.
 */
export class BodyCopies {
  readonly #free: readonly Buffer[][] = BLOCK_BYTES.map(() => []);

  /** `written` goes with the bytes to whoever writes them, last of all that is done with them. */
  copy(view: Buffer): { readonly bytes: Buffer; readonly written: Written | undefined } {
    if (view.length < SMALL_BYTES || view.length > LARGEST_BYTES)
      return { bytes: Buffer.from(view), written: undefined };
    const size = BLOCK_BYTES.findIndex((bytes) => bytes >= view.length);
    const free = this.#free[size]!;
    const block = free.pop() ?? Buffer.allocUnsafeSlow(BLOCK_BYTES[size]!);
    view.copy(block);
    return {
      bytes: block.subarray(0, view.length),
      written: (error) => {
        // What failed may still be under way.
        if ((error ?? null) === null && free.length < MAX_FREE) free.push(block);
      },
    };
  }
}
