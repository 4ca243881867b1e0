import type { ChildProcess } from 'node:child_process';
import type { ListeningHandle } from './listeners.ts';
import type { FromWorker, ToWorker } from './messages.ts';

type Waiter = (message: FromWorker | null) => void;

/** One place in the fleet and the process that fills it at the moment. */
export class Member {
  readonly index: number;
  process: ChildProcess | null = null;
  ready = false;
  countedSecond = 0;
  startedAtMs = 0;
  backOffMs = 0;
  /** By what they wait for: a round asks a worker about hundreds of services at once. */
  private readonly waiters = new Map<string, Waiter[]>();
  private ids = 0;

  constructor(index: number) {
    this.index = index;
  }

  nextId(): number {
    this.ids += 1;
    return this.ids;
  }

  /** The next message with this key, or null when the process ends first. */
  once(key: string): Promise<FromWorker | null> {
    return new Promise((resolve) => {
      const waiting = this.waiters.get(key);
      if (waiting === undefined) this.waiters.set(key, [resolve]);
      else waiting.push(resolve);
    });
  }

  deliver(message: FromWorker): void {
    const key = keyOf(message);
    const waiting = this.waiters.get(key);
    const first = waiting?.shift();
    if (waiting?.length === 0) this.waiters.delete(key);
    first?.(message);
  }

  send(message: ToWorker, handle?: ListeningHandle): void {
    // A worker that is going away at this moment is noticed by its exit.
    if (this.process?.connected === true) this.process.send(message, handle as never, {}, () => {});
  }

  fail(): void {
    const all = [...this.waiters.values()].flat();
    this.waiters.clear();
    for (const waiter of all) waiter(null);
  }
}

function keyOf(message: FromWorker): string {
  if (message.kind === 'answer') return `answer ${message.id}`;
  return message.kind === 'listening' ? `listening ${message.listener}` : message.kind;
}
