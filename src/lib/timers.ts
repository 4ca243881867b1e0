import { setTimeout as sleep } from 'node:timers/promises';

/** Waiting as an argument, so that tests and a simulator can decide when it is over. */
export type Timers = {
  /** Resolves after `ms`, or at once when the signal aborts; never rejects. Does not keep the process alive. */
  sleep(ms: number, signal: AbortSignal): Promise<void>;
  /** Calls `act` every `ms` until the returned function is called. `act` must not throw. */
  every(ms: number, act: () => void): () => void;
};

export const systemTimers: Timers = {
  sleep: (ms, signal) => sleep(ms, undefined, { signal, ref: false }).catch(() => undefined),
  every: (ms, act) => {
    const timer = setInterval(act, ms);
    return () => clearInterval(timer);
  },
};
