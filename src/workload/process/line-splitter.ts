const LONGEST_BYTES = 16 * 1024;
const NEWLINE = 10;

/** Bytes in, whole lines out. Holds at most one line; what of a line is beyond 16 KiB is dropped and marked. */
export class LineSplitter {
  #parts: Buffer[] = [];
  #bytes = 0;
  #cut = false;

  push(chunk: Buffer): string[] {
    const lines: string[] = [];
    let start = 0;
    for (let end = chunk.indexOf(NEWLINE); end !== -1; end = chunk.indexOf(NEWLINE, start)) {
      this.#keep(chunk.subarray(start, end));
      lines.push(this.#take());
      start = end + 1;
    }
    this.#keep(chunk.subarray(start));
    return lines;
  }

  /** The line that has no end yet, if any. */
  flush(): string[] {
    return this.#bytes === 0 ? [] : [this.#take()];
  }

  #keep(bytes: Buffer): void {
    const room = LONGEST_BYTES - this.#bytes;
    if (bytes.length > room) this.#cut = true;
    if (room <= 0 || bytes.length === 0) return;
    // A copy, so that a short rest does not hold the whole chunk in memory.
    this.#parts.push(Buffer.from(bytes.subarray(0, room)));
    this.#bytes += Math.min(bytes.length, room);
  }

  #take(): string {
    const text = Buffer.concat(this.#parts).toString('utf8').replace(/\r$/, '');
    const line = this.#cut ? `${text} … (cut at 16 KiB)` : text;
    this.#parts = [];
    this.#bytes = 0;
    this.#cut = false;
    return line;
  }
}
