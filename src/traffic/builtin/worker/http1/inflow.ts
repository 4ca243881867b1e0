import type { Socket } from 'node:net';
import { HeldBytes } from './held-bytes.ts';

/** Requests that come before their turn, and bodies that nobody takes yet, wait here up to this; then the client waits. */
const MAX_HELD_BYTES = 65_536;

/** What a client has sent and nobody has taken yet. */
export class Inflow {
  isPaused = false;
  readonly #socket: Socket;
  readonly #held = new HeldBytes();

  constructor(socket: Socket) {
    this.#socket = socket;
  }

  get isEmpty(): boolean {
    return this.#held.length === 0;
  }

  hold(bytes: Buffer): void {
    this.#held.append(bytes);
    if (this.#held.length >= MAX_HELD_BYTES) this.pause();
  }

  /** What was held is the caller's, null for nothing, and more may come. */
  take(): Buffer | null {
    this.flow();
    return this.#held.take();
  }

  pause(): void {
    if (this.isPaused) return;
    this.isPaused = true;
    this.#socket.pause();
  }

  flow(): void {
    if (!this.isPaused) return;
    this.isPaused = false;
    this.#socket.resume();
  }
}
