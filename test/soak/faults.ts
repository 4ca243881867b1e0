const EXAMPLES = 5;

/** What went wrong, counted, with the first few in words. */
export type Faults = { readonly count: number; readonly examples: readonly string[] };

export class FaultTally {
  readonly #examples: string[] = [];
  #count = 0;

  add(what: string): void {
    this.#count++;
    if (this.#examples.length < EXAMPLES)
      this.#examples.push(`${new Date().toISOString().slice(11, 19)} ${what}`);
  }

  report(): Faults {
    return { count: this.#count, examples: [...this.#examples] };
  }
}
