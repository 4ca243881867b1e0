import { setTimeout as sleep } from 'node:timers/promises';
import { otherSlot } from '../../src/release/slot.ts';
import type { SlotName } from '../../src/release/slot.ts';
import type { Route } from '../../src/traffic/router.ts';
import { sharedMicros } from './backend.ts';
import { SERVICE } from './door.ts';
import type { OpenDoor } from './door.ts';
import type { RemoteLoad } from './load/remote.ts';

/** The newly chosen slot serves so many requests, sent after the switch, before the switch counts. */
export const SERVED_BEFORE_NEXT = 20;
const TELL_EVERY_MS = 25;
const SERVED_WITHIN_MS = 10_000;
/** Long beside any limit on it, so that a late start is seen as late and not as one of the next switch. */
const LATENCY_DWELL_MS = 200;

export type Shown = {
  readonly switched: number;
  /** How long each `apply` took. */
  readonly applyMs: readonly number[];
  /** From the call of `apply` to the start, at the application, of the last request on the slot that was left. */
  readonly lastStartMs: readonly number[];
};

/** One worker may have a change, and end streams for it, long before the last one has it: whatever is open meanwhile is told of it. */
export async function meanwhileSwitching<T>(load: RemoteLoad, change: () => Promise<T>): Promise<T> {
  const timer = setInterval(() => void load.switched(), TELL_EVERY_MS);
  try {
    return await change();
  } finally {
    clearInterval(timer);
  }
}

/** Moves everyone to the other slot: by turns as a route of its own, and as a share of 100 %. */
export class Switcher {
  readonly #door: OpenDoor;
  readonly #load: RemoteLoad;
  #slot: SlotName = 'blue';
  #revision = 1;
  #switched = 0;
  readonly #applyMs: number[] = [];
  readonly #lastStartMs: number[] = [];

  constructor(door: OpenDoor, load: RemoteLoad) {
    this.#door = door;
    this.#load = load;
  }

  shown(): Shown {
    return { switched: this.#switched, applyMs: this.#applyMs, lastStartMs: this.#lastStartMs };
  }

  /** Returns when it began. */
  async switch(): Promise<number> {
    const route = this.#next();
    // A stream may be ended within the first millisecond, before a busy load hears of anything.
    await this.#load.switched();
    const beganMicros = sharedMicros();
    await meanwhileSwitching(this.#load, () => this.#door.router.apply(route));
    this.#applyMs.push((sharedMicros() - beganMicros) / 1000);
    await this.#load.switched();
    await this.#load.served(this.#slot, SERVED_BEFORE_NEXT, SERVED_WITHIN_MS);
    this.#switched++;
    return beganMicros;
  }

  async switchMeasured(): Promise<void> {
    const abandoned = this.#door.backends[this.#slot];
    const beganMicros = await this.switch();
    await sleep(LATENCY_DWELL_MS);
    const lastMicros = Math.max(
      ...(await Promise.all(abandoned.map((backend) => backend.lastStartMicros()))),
    );
    this.#lastStartMs.push(Math.max(0, (lastMicros - beganMicros) / 1000));
  }

  #next(): Route {
    const from = this.#slot;
    this.#slot = otherSlot(from);
    this.#revision++;
    const bySplit = this.#revision % 4 >= 2;
    const seed = this.#revision.toString(16).padStart(32, '0');
    const split = { rollout: `r-${this.#revision}`, slot: this.#slot, sharePercent: 100, seed };
    const replicas = { blue: this.#door.backends.blue.length, green: this.#door.backends.green.length };
    return {
      service: SERVICE,
      revision: this.#revision,
      serve: bySplit ? from : this.#slot,
      split: bySplit ? split : null,
      replicas,
      standIn: true,
    };
  }
}
