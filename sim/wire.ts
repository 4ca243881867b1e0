import { OperatingError } from '../src/lib/errors.ts';
import type { Draw } from './draw.ts';
import type { Life, ManualTime } from './manual-time.ts';

/** What can go wrong with one call from the controller to what it steers. */
export type CallFault =
  /** Takes this long. */
  | { readonly kind: 'slow'; readonly ms: number }
  /** Nothing is done, and it says so. */
  | { readonly kind: 'fails' }
  /** It is done, and the answer is an error. */
  | { readonly kind: 'answer-lost' }
  /** It is not done, and the answer is that it was. Only a route: everything else is proven by its answer. */
  | { readonly kind: 'done-not' }
  /** It is done now, and once more later. */
  | { readonly kind: 'twice'; readonly ms: number }
  | { readonly kind: 'killed-before' }
  | { readonly kind: 'killed-after' };

export type Call =
  | 'install'
  | 'remove'
  | 'apply'
  | 'observe'
  | 'cut'
  | 'traffic'
  | 'ensure'
  | 'stop'
  | 'look'
  | 'check';

const WRITES: ReadonlySet<Call> = new Set(['install', 'remove', 'apply', 'cut', 'ensure', 'stop']);

/** Faults that wait for their call. `hit` tells when one struck. */
export type Armed = {
  readonly fault: CallFault;
  /** Any call, any that changes something, or one kind of call. */
  readonly strikes: 'any' | 'writes' | Call;
  readonly hit: (call: Call) => void;
};

export type WireParts = {
  readonly time: ManualTime;
  readonly draw: Draw;
  readonly armed: Armed[];
  readonly kill: () => void;
  readonly called: () => void;
};

/** `lateMs`: how much longer it takes than it would. */
type Act<T> = (lateMs: number) => T | Promise<T>;

/** Carries the calls of one controller, with what goes wrong on the way. A dead controller gets no answer any more. */
export class Wire {
  readonly #parts: WireParts;
  readonly #life: Life;

  constructor(parts: WireParts, life: Life) {
    this.#parts = parts;
    this.#life = life;
  }

  async carry<T>(call: Call, act: Act<T>): Promise<T> {
    if (!this.#life.alive) return never();
    this.#parts.called();
    const fault = this.#struck(call);
    if (call === 'apply') await this.#takes(this.#parts.draw.whole(1, 4) * 10);
    return this.#settled(await this.#carried(fault, call, act));
  }

  async #carried<T>(fault: CallFault | null, call: Call, act: Act<T>): Promise<T> {
    switch (fault?.kind) {
      case undefined:
        return act(0);
      case 'slow':
        if (isInProcess(call)) return act(fault.ms);
        await this.#takes(fault.ms);
        return act(0);
      case 'fails':
        throw failure(call, 'nothing was done');
      case 'answer-lost':
        await act(0);
        throw failure(call, 'the answer was lost');
      case 'done-not':
        if (call === 'apply') return undefined as T;
        await act(0);
        throw failure(call, 'the answer was lost');
      case 'twice':
        // What the controller does itself is never done again behind its back: both are under way at once.
        if (isInProcess(call)) void this.#again(act);
        else this.#parts.time.at(call === 'apply' ? fault.ms : 1, () => void this.#again(act));
        return act(0);
      case 'killed-before':
        this.#parts.kill();
        return never();
      case 'killed-after':
        await act(0);
        this.#parts.kill();
        return never();
    }
  }

  async #again<T>(act: Act<T>): Promise<void> {
    try {
      await act(0);
    } catch {
      // Whoever asked has had an answer.
    }
  }

  #struck(call: Call): CallFault | null {
    const { armed } = this.#parts;
    const index = armed.findIndex(
      ({ strikes }) => strikes === 'any' || strikes === call || (strikes === 'writes' && WRITES.has(call)),
    );
    const [one] = index < 0 ? [] : armed.splice(index, 1);
    one?.hit(call);
    return one?.fault ?? null;
  }

  #takes(ms: number): Promise<void> {
    return new Promise((resolve) => {
      this.#parts.time.at(ms, resolve);
    });
  }

  #settled<T>(value: T): T | Promise<T> {
    return this.#life.alive ? value : never();
  }
}

/** What the controller itself does is under way from the moment it is called; the rest is on its way to the proxy. */
function isInProcess(call: Call): boolean {
  return call === 'ensure' || call === 'stop' || call === 'look' || call === 'check';
}

function never<T>(): Promise<T> {
  return new Promise(() => undefined);
}

function failure(call: Call, why: string): OperatingError {
  return isInProcess(call)
    ? new OperatingError('WORKLOAD_STOP_FAILED', `${call}: ${why}`, { retryable: true })
    : new OperatingError('TRAFFIC_UNREACHABLE', `${call}: ${why}`, { retryable: true });
}
