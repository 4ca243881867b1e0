import type { SlotName } from '../src/release/slot.ts';
import type { ReplicaState, SlotWorkload } from '../src/workload/runtime.ts';
import type { ManualTime } from './manual-time.ts';
import { natureOf } from './nature.ts';

export type Process = {
  running: boolean;
  /** Runs and answers nobody. */
  hung: boolean;
  crashes: number;
  inARow: number;
};

/** What is in a slot. The runtime of the controller that put it there may be gone. */
export type Occupant = { readonly workload: SlotWorkload; readonly processes: Process[] };

const CRASHES_AFTER_MS = 300;

/** Processes that outlive the controller. Keys are `service/slot`. */
export class Machine {
  readonly slots = new Map<string, Occupant>();
  bootId = 'boot-1';
  /** Called when a process ends unasked. */
  onCrash: (key: string, replica: number) => void = () => undefined;
  /** Releases that answer nobody, whoever starts them; each with the curse that was laid on it last. */
  readonly #cursed = new Map<string, object>();
  readonly #time: ManualTime;

  constructor(time: ManualTime) {
    this.#time = time;
  }

  /** Until it is lifted, or for so many milliseconds. The end of one curse does not lift a later one. */
  curse(releaseId: string, forMs: number | null): void {
    const curse = {};
    this.#cursed.set(releaseId, curse);
    if (forMs === null) return;
    this.#time.at(forMs, () => {
      if (this.#cursed.get(releaseId) === curse) this.#cursed.delete(releaseId);
    });
  }

  lift(releaseId: string): void {
    this.#cursed.delete(releaseId);
  }

  liftAll(): void {
    this.#cursed.clear();
  }

  /** Starts what of it does not run, and ends what is too much. Another release in the slot is ended first. */
  bring(key: string, workload: SlotWorkload): void {
    const there = this.slots.get(key);
    const same = there?.workload.release.id === workload.release.id ? there : undefined;
    const processes = Array.from({ length: workload.replicas }, (_, index) => {
      const known = same?.processes[index];
      if (known?.running === true) return known;
      const started = {
        running: true,
        hung: false,
        crashes: known?.crashes ?? 0,
        inARow: known?.inARow ?? 0,
      };
      this.#perhapsDoom(key, workload.release.id, started);
      return started;
    });
    this.slots.set(key, { workload, processes });
  }

  restartOne(key: string, replica: number): void {
    const there = this.slots.get(key);
    const process = there?.processes[replica];
    if (there === undefined || process === undefined || process.running) return;
    process.running = true;
    process.hung = false;
    this.#perhapsDoom(key, there.workload.release.id, process);
  }

  crash(key: string, replica: number): void {
    const process = this.slots.get(key)?.processes[replica];
    if (process === undefined || !process.running) return;
    process.running = false;
    process.crashes += 1;
    process.inARow += 1;
    this.onCrash(key, replica);
  }

  /** Another boot: nothing runs. */
  reboot(): void {
    this.bootId = `${this.bootId}+`;
    this.slots.clear();
  }

  isSound(service: string, slot: SlotName, replica: number): boolean {
    const there = this.slots.get(`${service}/${slot}`);
    const process = there?.processes[replica];
    if (there === undefined || process === undefined) return false;
    const { id } = there.workload.release;
    return process.running && !process.hung && natureOf(id) !== 'never-ready' && !this.#cursed.has(id);
  }

  releaseIn(service: string, slot: SlotName): string | null {
    return this.slots.get(`${service}/${slot}`)?.workload.release.id ?? null;
  }

  states(service: string): readonly ReplicaState[] {
    return [...this.slots.values()]
      .filter(({ workload }) => workload.service === service)
      .flatMap(({ workload, processes }) =>
        processes.map((process, replica) => ({
          slot: workload.slot,
          replica,
          releaseId: workload.release.id,
          address: workload.addresses[replica]!,
          running: process.running,
          pid: process.running ? 1000 + replica : null,
          startedAtMs: null,
          crashes: process.crashes,
          lastExit: process.crashes > 0 ? 'exit code 1' : null,
        })),
      );
  }

  #perhapsDoom(key: string, id: string, started: Process): void {
    if (natureOf(id) !== 'crashing') return;
    this.#time.at(CRASHES_AFTER_MS, () => {
      const there = this.slots.get(key);
      const index = there?.processes.indexOf(started) ?? -1;
      if (there?.workload.release.id === id && index >= 0) this.crash(key, index);
    });
  }
}
