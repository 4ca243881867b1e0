import { afterPatience } from '../../lib/patience.ts';
import type { HandoverLine, HoldCall, ToFormer, ToSuccessor } from './handover.ts';
import type { Answer, Ask, ToWorker } from './messages.ts';

/** Longer than its workers have for any answer. One that says nothing goes by an old route: it is killed, with its workers. */
const ANSWER_MS = 10_000;

/**
 * The proxy that this one replaced, for as long as it has requests in flight. Those on its kept connections go by the same
 * routes as ours: each change is confirmed by its workers as well.
 */
export class Former {
  pid: number | null = null;
  /** Of which it has told the counts. */
  countedSecond = 0;
  readonly #line: HandoverLine<ToFormer, ToSuccessor>;
  readonly #log: (text: string) => void;
  #isLeft = false;
  #ids = 0;
  readonly #asks = new Map<number, (answers: readonly Answer[]) => void>();
  readonly #holds = new Map<number, (waiting: number) => void>();
  readonly #gone = Promise.withResolvers<void>();

  constructor(line: HandoverLine<ToFormer, ToSuccessor>, log: (text: string) => void) {
    this.#line = line;
    this.#log = log;
  }

  get isLeft(): boolean {
    return this.#isLeft;
  }

  /** It is the former one now. */
  begin(): void {
    this.#isLeft = true;
  }

  /** Resolves when nothing is left of it. */
  get gone(): Promise<void> {
    return this.#gone.promise;
  }

  async ask(ask: Ask): Promise<readonly Answer[]> {
    if (!this.#isLeft) return [];
    const id = this.#nextId();
    return this.#within(
      new Promise<readonly Answer[]>((resolve) => {
        this.#asks.set(id, resolve);
        this.#line.say({ kind: 'ask', id, ask });
      }),
    );
  }

  tell(message: ToWorker): void {
    if (this.#isLeft && message.kind === 'health') this.#line.say({ kind: 'tell', message });
  }

  /** Returns how many wait there. */
  async hold(call: HoldCall): Promise<number> {
    if (!this.#isLeft) return 0;
    const id = this.#nextId();
    return this.#within(
      new Promise<number>((resolve) => {
        this.#holds.set(id, resolve);
        this.#line.say({ kind: 'hold', id, call });
      }),
    );
  }

  async stop(graceMs: number): Promise<void> {
    if (!this.#isLeft) return;
    this.#line.say({ kind: 'stop', graceMs });
    await this.#gone.promise;
  }

  answered(id: number, answers: readonly Answer[]): void {
    this.#asks.get(id)?.(answers);
    this.#asks.delete(id);
  }

  holdAnswered(id: number, waiting: number): void {
    this.#holds.get(id)?.(waiting);
    this.#holds.delete(id);
  }

  /** Nothing is left of it. */
  end(): void {
    this.#isLeft = false;
    for (const resolve of this.#asks.values()) resolve([]);
    for (const resolve of this.#holds.values()) resolve(0);
    this.#asks.clear();
    this.#holds.clear();
    this.#gone.resolve();
  }

  #nextId(): number {
    this.#ids += 1;
    return this.#ids;
  }

  async #within<T>(answer: Promise<T>): Promise<T> {
    const callOff = afterPatience(ANSWER_MS, () => {
      this.#log(`the former proxy (pid ${this.pid}) did not answer within ${ANSWER_MS}ms: killing it`);
      if (this.pid !== null) killed(this.pid);
    });
    const value = await answer;
    callOff();
    return value;
  }
}

function killed(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // Gone by itself.
  }
}
