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

/** The longest fault, and the retries after it. */
const SHAKEN_MS = 10_000;

/** What happened so far that the audit may have to excuse. */
export class Memory {
  readonly typed = new Map<Typed, number>();
  readonly weights: { readonly atMs: number; readonly percent: number }[] = [];
  /** Versions that were held by a person (rollout id), and the newest route at that moment. */
  readonly held = new Map<string, number>();
  /** Releases whose own checks held at least once. */
  readonly checked = new Set<string>();
  /** Faults that may change what becomes of a version: dead replicas, lost counts, a proxy that restarts. */
  disturbances = 0;
  reboots = 0;
  readonly #typedAtMs = new Map<Typed, number>();
  #obstructedUntilMs = 0;
  #disturbedAtMs = -Infinity;
  readonly #time: ManualTime;

  constructor(time: ManualTime) {
    this.#time = time;
  }

  /** `forMs`: what is still in its back-off then. */
  obstructed(forMs: number): void {
    this.#obstructedUntilMs = Math.max(this.#obstructedUntilMs, this.#time.monotonicMs + forMs);
  }

  disturb(): void {
    this.disturbances += 1;
    this.#disturbedAtMs = this.#time.monotonicMs;
  }

  /** Whether something went wrong so lately that what begins now may still feel it. */
  get isShaken(): boolean {
    return this.#time.monotonicMs - this.#disturbedAtMs < SHAKEN_MS;
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
