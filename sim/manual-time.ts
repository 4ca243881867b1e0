import type { Timers } from '../src/lib/timers.ts';

type Waiting = { readonly atMs: number; readonly act: () => void; readonly life: Life | null };

/** Whether a process still lives: what waits in a dead one never goes on. */
export type Life = { alive: boolean };

/** Time that moves from one thing that waits to the next. The wall clock can be made to jump; the other one never does. */
export class ManualTime {
  nowMs = 1_700_000_000_000;
  monotonicMs = 0;
  readonly #beganMs = this.nowMs;
  readonly #waiting = new Set<Waiting>();

  get steadyMs(): number {
    return this.#beganMs + this.monotonicMs;
  }

  /** How many wait, those of dead processes not counted. */
  get waiting(): number {
    let waiting = 0;
    for (const { life } of this.#waiting) if (life?.alive !== false) waiting += 1;
    return waiting;
  }

  /** Acts after so many milliseconds, in the order asked for where two fall together. Returns how to call it off. */
  at(ms: number, act: () => void, life: Life | null = null): () => void {
    const one = { atMs: this.monotonicMs + Math.max(1, Math.round(ms)), act, life };
    this.#waiting.add(one);
    return () => this.#waiting.delete(one);
  }

  /** Goes on to the next thing that waits, at most so far. Returns the milliseconds gone by. */
  step(mostMs: number, before: (ms: number) => void): number {
    let next = this.monotonicMs + mostMs;
    for (const { atMs } of this.#waiting) if (atMs < next) next = atMs;
    const wentBy = next - this.monotonicMs;
    before(wentBy);
    this.nowMs += wentBy;
    this.monotonicMs = next;
    for (const one of [...this.#waiting].filter(({ atMs }) => atMs <= next))
      if (this.#waiting.delete(one)) one.act();
    return wentBy;
  }

  /** The timers of one process: they end with it. */
  timersOf(life: Life): Timers {
    return {
      sleep: (ms, signal) =>
        new Promise((resolve) => {
          const cancel = this.at(ms, () => life.alive && resolve(), life);
          signal.addEventListener('abort', () => {
            cancel();
            resolve();
          });
        }),
      every: (ms, act) => {
        let cancel: () => void;
        const again = (): void => {
          if (!life.alive) return;
          cancel = this.at(ms, again, life);
          act();
        };
        cancel = this.at(ms, again, life);
        return () => cancel();
      },
    };
  }
}

/**
 * Until everything that can go on without time has gone on: nothing in this world waits for anything but promises, and Node
 * ends all of those before the next tick.
 */
export function settled(): Promise<void> {
  return new Promise((resolve) => {
    process.nextTick(resolve);
  });
}
