import { BodyCopies } from './body-copies.ts';
import type { ClientAnswer } from './client-side.ts';
import { pairs } from './response-reader.ts';

const copies = new BodyCopies();

/** Hands the body of an answer on to the client as it comes, and knows whose turn it is. */
export class AnswerRelay {
  isOver = false;
  /** The client has to take what it was sent before there is more. */
  awaitsDrain = false;
  readonly #res: ClientAnswer;
  #left = -1;
  #hasBegun = false;

  constructor(res: ClientAnswer) {
    this.#res = res;
  }

  /** Null: nobody said. */
  expect(length: number | null): void {
    this.#left = length ?? -1;
  }

  /** False: no more until it is drained. */
  body(view: Buffer): boolean {
    this.#hasBegun = true;
    this.#left -= view.length;
    this.isOver = this.#left === 0;
    const { bytes, written } = copies.copy(view);
    if (!this.isOver) return this.#res.write(bytes, written);
    this.#res.end(bytes, written);
    return true;
  }

  /** `act` is called once the client has taken what it was sent; not for one that waits for that already. */
  whenDrained(act: () => void): void {
    if (this.awaitsDrain) return;
    this.awaitsDrain = true;
    this.#res.once('drain', () => {
      this.awaitsDrain = false;
      act();
    });
  }

  end(rawTrailers: string[] | null): void {
    if (this.isOver) return;
    this.isOver = true;
    if (rawTrailers !== null && this.#res.chunkedEncoding) this.#res.addTrailers(pairs(rawTrailers));
    this.#res.end();
  }

  /** Sends the head on when no body came with it, so that nothing waits for a first event. */
  readDone(): void {
    if (!this.#hasBegun && !this.isOver) this.#res.flushHeaders();
  }
}
