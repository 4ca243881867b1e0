import { PARTS } from '../src/controller/loop.ts';
import type { Timers } from '../src/lib/timers.ts';

/** `act` says whether it may have changed anything. */
type Waiting = { readonly atMs: number; readonly act: () => boolean; readonly life: Life | null };

const LONGEST_PART_MS = 50;

/** Whether a process still lives: what waits in a dead one never goes on. */
export type Life = { alive: boolean };

/** Time that moves from one thing that waits to the next. The wall clock can be made to jump; the other one never does. */
export class ManualTime {
  nowMs = 1_700_000_000_000;
  monotonicMs = 0;
  /** Whether anything happened in the last step, but for parts of rounds in which no service has its turn. */
  hasStirred = true;
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
    return this.#wait(
      ms,
      () => {
        act();
        return true;
      },
      life,
    );
  }

  #wait(ms: number, act: () => boolean, life: Life | null): () => void {
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
    this.hasStirred = false;
    const due: Waiting[] = [];
    for (const one of this.#waiting) if (one.atMs <= next) due.push(one);
    for (const one of due) if (this.#waiting.delete(one) && one.act()) this.hasStirred = true;
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
        let calls = 0;
        const again = (): boolean => {
          if (!life.alive) return false;
          cancel = this.#wait(ms, again, life);
          act();
          calls += 1;
          // Rounds are called for each of their parts; the one service of this world is in the first.
          return ms > LONGEST_PART_MS || calls % PARTS === 1;
        };
        cancel = this.#wait(ms, again, life);
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
