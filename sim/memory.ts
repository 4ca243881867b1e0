import type { Fault } from './faults.ts';
import type { ManualTime } from './manual-time.ts';

/** What people typed. */
export type Typed =
  | 'abort'
  | 'rollback'
  | 'supersede'
  | 'promote'
  | 'promote-full'
  | 'resume'
  | 'pause'
  | 'weight'
  | 'remove'
  | 'other';

/** The longest fault, and the retries after it: what begins within that still feels it. */
export const FELT_MS = 10_000;

/** What happened so far that the audit may have to excuse. */
export class Memory {
  readonly typed = new Map<Typed, number>();
  readonly weights: { readonly atMs: number; readonly percent: number }[] = [];
  /** Versions that were held by a person (rollout id), and the newest route at that moment. */
  readonly held = new Map<string, number>();
  /** Releases whose own checks held at least once. */
  readonly checked = new Set<string>();
  reboots = 0;
  readonly #typedAtMs = new Map<Typed, number>();
  readonly #struckAtMs = new Map<Fault, number>();
  #obstructedUntilMs = 0;
  readonly #time: ManualTime;

  constructor(time: ManualTime) {
    this.#time = time;
  }

  /** `forMs`: what is still in its back-off then. */
  obstructed(forMs: number): void {
    this.#obstructedUntilMs = Math.max(this.#obstructedUntilMs, this.#time.monotonicMs + forMs);
  }

  strike(fault: Fault): void {
    this.#struckAtMs.set(fault, this.#time.monotonicMs);
  }

  /** Whether one of these struck at that moment or since. */
  struckSince(faults: readonly Fault[], sinceMs: number): boolean {
    return faults.some((fault) => (this.#struckAtMs.get(fault) ?? -Infinity) >= sinceMs);
  }

  type(verb: Typed): void {
    this.typed.set(verb, this.times(verb) + 1);
    this.#typedAtMs.set(verb, this.#time.monotonicMs);
  }

  /** Whether it was typed at that moment or since. */
  wasTyped(verb: Typed, sinceMs: number): boolean {
    return (this.#typedAtMs.get(verb) ?? -Infinity) >= sinceMs;
  }

  times(verb: Typed): number {
    return this.typed.get(verb) ?? 0;
  }

  /** For how long nothing has been in the controller's way. */
  get clearMs(): number {
    return Math.max(0, this.#time.monotonicMs - this.#obstructedUntilMs);
  }
}
