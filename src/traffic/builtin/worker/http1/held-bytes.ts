const SMALLEST = 512;

/** Bytes that wait until somebody takes them. They grow by doubling: who sends single bytes does not have all of them copied each time. */
export class HeldBytes {
  length = 0;
  #bytes: Buffer | null = null;

  append(more: Buffer): void {
    const length = this.length + more.length;
    if (this.#bytes === null || this.#bytes.length < length) {
      const grown = Buffer.allocUnsafeSlow(Math.max(SMALLEST, length, this.length * 2));
      this.#bytes?.copy(grown, 0, 0, this.length);
      this.#bytes = grown;
    }
    more.copy(this.#bytes, this.length);
    this.length = length;
  }

  /** They are the caller's; null where there are none. */
  take(): Buffer | null {
    const bytes = this.#bytes === null ? null : this.#bytes.subarray(0, this.length);
    this.#bytes = null;
    this.length = 0;
    return bytes;
  }

  indexOf(wanted: Buffer, from: number): number {
    return this.#bytes === null ? -1 : this.#bytes.subarray(0, this.length).indexOf(wanted, from);
  }

  latin1From(from: number): string {
    return this.#bytes === null ? '' : this.#bytes.toString('latin1', from, this.length);
  }
}
