import { OperatingError } from '../src/lib/errors.ts';
import type { SlotName } from '../src/release/slot.ts';
import type { SlotWorkload } from '../src/workload/runtime.ts';
import type { Machine } from './machine.ts';
import type { Life, ManualTime } from './manual-time.ts';
import { natureOf } from './nature.ts';

const SLOW_START_MS = 4000;
const FIRST_BACK_OFF_MS = 200;
const LONGEST_BACK_OFF_MS = 10_000;

/** How long this machine takes. Nothing takes no time at all. */
export type Pace = { readonly startMs: number; readonly stopMs: number };

/** The controller's own part of running processes, as in `workload/process`: it ends with the controller. */
export class Runtime {
  readonly #wanted = new Map<string, SlotWorkload>();
  readonly #lanes = new Map<string, Promise<void>>();
  readonly #listeners = new Set<(service: string, slot: SlotName) => void>();
  readonly #machine: Machine;
  readonly #time: ManualTime;
  readonly #life: Life;
  readonly #pace: Pace;

  constructor(parts: {
    readonly machine: Machine;
    readonly time: ManualTime;
    readonly life: Life;
    readonly pace: Pace;
  }) {
    this.#machine = parts.machine;
    this.#time = parts.time;
    this.#life = parts.life;
    this.#pace = parts.pace;
  }

  async ensure(workload: SlotWorkload, lateMs: number): Promise<void> {
    if (!this.#life.alive) return;
    const key = keyOf(workload.service, workload.slot);
    const { id } = workload.release;
    const before = this.#wanted.get(key);
    this.#wanted.set(key, workload);
    try {
      const there = this.#machine.slots.get(key);
      const isThere = there?.workload.release.id === id && there.processes.every(({ running }) => running);
      const startMs = natureOf(id) === 'slow-start' ? SLOW_START_MS : this.#pace.startMs;
      if (!isThere || lateMs > 0) await this.#takes((isThere ? 0 : startMs) + lateMs);
      await this.#inLane(key, async () => {
        const wanted = this.#wanted.get(key);
        if (wanted?.release.id !== id) throw overtaken(id);
        if (natureOf(id) === 'no-start') throw failed(id);
        this.#machine.bring(key, wanted);
        this.#changed(workload.service, workload.slot);
      });
    } catch (error) {
      if (this.#wanted.get(key) === workload) {
        if (before === undefined) this.#wanted.delete(key);
        else this.#wanted.set(key, before);
      }
      throw error;
    }
  }

  /** The signal is sent at once: from then on the processes end, whoever waits for that. */
  async stop(service: string, slot: SlotName, lateMs: number): Promise<void> {
    if (!this.#life.alive) return;
    const key = keyOf(service, slot);
    this.#wanted.delete(key);
    await this.#inLane(key, async () => {
      const there = this.#machine.slots.get(key);
      if (there === undefined) return;
      const stopMs = this.#pace.stopMs + lateMs;
      this.#time.at(stopMs, () => {
        if (this.#machine.slots.get(key) === there) this.#machine.slots.delete(key);
      });
      await this.#takes(stopMs);
      this.#changed(service, slot);
    });
  }

  onChange(listener: (service: string, slot: SlotName) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** A process ended unasked: it is started again after a while, unless it is not wanted any more. */
  crashed(key: string, replica: number): void {
    const there = this.#machine.slots.get(key);
    if (!this.#life.alive || there === undefined) return;
    const { service, slot, release } = there.workload;
    const inARow = there.processes[replica]?.inARow ?? 1;
    if (this.#wanted.get(key)?.release.id === release.id) {
      this.#time.at(Math.min(LONGEST_BACK_OFF_MS, FIRST_BACK_OFF_MS * 2 ** (inARow - 1)), () => {
        if (!this.#life.alive || this.#wanted.get(key)?.release.id !== release.id) return;
        if (this.#machine.releaseIn(service, slot) !== release.id) return;
        this.#machine.restartOne(key, replica);
        this.#changed(service, slot);
      });
    }
    this.#changed(service, slot);
  }

  #changed(service: string, slot: SlotName): void {
    if (this.#life.alive) for (const listener of this.#listeners) listener(service, slot);
  }

  #takes(ms: number): Promise<void> {
    return new Promise((resolve) => {
      this.#time.at(ms, () => this.#life.alive && resolve());
    });
  }

  #inLane(key: string, task: () => Promise<void>): Promise<void> {
    const done = (this.#lanes.get(key) ?? Promise.resolve()).then(task);
    this.#lanes.set(
      key,
      done.catch(() => undefined),
    );
    return done;
  }
}

function keyOf(service: string, slot: SlotName): string {
  return `${service}/${slot}`;
}

function overtaken(id: string): OperatingError {
  return new OperatingError(
    'WORKLOAD_START_FAILED',
    `${id}: a stop or another release was asked for meanwhile`,
    {
      retryable: false,
    },
  );
}

function failed(id: string): OperatingError {
  return new OperatingError('WORKLOAD_START_FAILED', `${id}: exit code 1`, { retryable: false });
}
