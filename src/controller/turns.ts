import type { Ports } from './ports.ts';

/** What one turn of the event loop may take of what can wait: with it, nothing else waits longer than this and one commit. */
const BUDGET_MS = 5;

/**
 * Spreads what comes at once. A proxy answers for hundreds of services in one read, and each answer may be an event that is to be
 * written to disk: in one turn of the event loop, nobody else would get a word in for seconds.
 */
export class Turns {
  readonly #ports: Pick<Ports, 'clock' | 'timers'>;
  readonly #never = new AbortController().signal;
  readonly #waiting: (() => void)[] = [];
  /** When the first one of this turn of the event loop began; null in a turn without any. */
  #beganMs: number | null = null;

  constructor(ports: Pick<Ports, 'clock' | 'timers'>) {
    this.#ports = ports;
  }

  /** Resolves when it is the caller's turn: at once, or in a later turn of the event loop, in the order of coming. */
  next(): Promise<void> {
    if (this.#waiting.length === 0 && this.#hasTime()) return Promise.resolve();
    return new Promise((resolve) => this.#waiting.push(resolve));
  }

  #hasTime(): boolean {
    const nowMs = this.#ports.clock.monotonicMs();
    if (this.#beganMs === null) {
      this.#beganMs = nowMs;
      void this.#nextTurn();
    }
    return nowMs - this.#beganMs < BUDGET_MS;
  }

  async #nextTurn(): Promise<void> {
    await this.#ports.timers.sleep(0, this.#never);
    this.#beganMs = null;
    while (this.#waiting.length > 0 && this.#hasTime()) {
      this.#waiting.shift()!();
      // What was let go on acts before the time is looked at.
      await Promise.resolve();
    }
  }
}
