/** Runs tasks one after another per key; different keys at the same time. */
export class Lanes {
  readonly #tails = new Map<string, Promise<void>>();

  /** Queues a task; tasks must not throw (they report). */
  run(key: string, task: () => Promise<void>): void {
    const former = this.#tails.get(key) ?? Promise.resolve();
    const tail = former.then(task).finally(() => {
      if (this.#tails.get(key) === tail) this.#tails.delete(key);
    });
    this.#tails.set(key, tail);
  }

  /** Resolves when nothing is queued for keys with this prefix. */
  async idle(prefix: string): Promise<void> {
    for (;;) {
      const tails = [...this.#tails].filter(([key]) => key.startsWith(prefix)).map(([, tail]) => tail);
      if (tails.length === 0) return;
      await Promise.all(tails);
    }
  }
}
