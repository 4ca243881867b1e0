import type { ControlCall } from './control-protocol.ts';

/** Calls of the controller: those that come before the proxy serves wait for that, and all wait while its state is handed over. */
export class CallQueue {
  #perform: ((call: ControlCall) => Promise<unknown>) | null = null;
  readonly #ready = Promise.withResolvers<void>();
  #frozen: Promise<void> | null = null;
  #under = 0;
  #onIdle: () => void = () => {};

  begin(perform: (call: ControlCall) => Promise<unknown>): void {
    this.#perform = perform;
    this.#ready.resolve();
  }

  async handle(call: ControlCall): Promise<unknown> {
    await this.#ready.promise;
    // Whoever replaces the proxy is the one who has the others wait.
    if (call.op === 'replace') return this.#perform!(call);
    while (this.#frozen !== null) await this.#frozen;
    this.#under += 1;
    try {
      return await this.#perform!(call);
    } finally {
      this.#under -= 1;
      if (this.#under === 0) this.#onIdle();
    }
  }

  /** Resolves when none is under way and none begins; returns what lets them go on. */
  async freeze(): Promise<() => void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#frozen = promise;
    if (this.#under > 0)
      await new Promise<void>((idle) => {
        this.#onIdle = idle;
      });
    this.#onIdle = () => {};
    return () => {
      this.#frozen = null;
      resolve();
    };
  }
}
