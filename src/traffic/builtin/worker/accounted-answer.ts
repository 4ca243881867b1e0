import { CLASS, type ClassIndex } from '../../tally.ts';
import type { Written } from './body-copies.ts';
import type { ClientAnswer } from './client-side.ts';
import type { ReplicaLink } from './replica-link.ts';

/** `refused`: the proxy answered for itself. `failed`: no usable answer began. `broken off`: one began and did not end. */
type Outcome = 'answered' | 'refused' | 'failed' | 'timed out' | 'broken off' | 'client left';

type Accounts = {
  /** `Server-Timing` is added. */
  readonly saysTiming: boolean;
  /** Once, when nothing more comes. */
  readonly onEnd: ((answer: AccountedAnswer) => void) | null;
};

/** An answer of which somebody wants to know how it went. Where nobody does, there is none of these. */
export class AccountedAnswer implements ClientAnswer {
  status = 0;
  bytes = 0;
  attempts = 0;
  replica: ReplicaLink | null = null;
  /** From the beginning of the last attempt to the head of its answer, or null. */
  appMs: number | null = null;
  /** In the queue of its slot. */
  queueMs = 0;
  requestId: string | null = null;
  /** Of a trace that began here. */
  traceId: string | null = null;
  kind: 'preview' | 'override' | null = null;
  readonly arrivedAtMs: number;
  readonly #answer: ClientAnswer;
  readonly #accounts: Accounts;
  #class: ClassIndex | null = null;
  #isUpgraded = false;
  #isComplete = false;
  #isBrokenOff = false;
  #isOver = false;

  constructor(answer: ClientAnswer, accounts: Accounts) {
    this.#answer = answer;
    this.#accounts = accounts;
    this.arrivedAtMs = performance.now();
    if (accounts.onEnd !== null)
      answer.on('close', () => {
        // Others who hear of the close have still to say what it is to them.
        if (!this.#isUpgraded) queueMicrotask(() => this.over());
      });
  }

  get outcome(): Outcome {
    if (this.#isComplete) {
      if (this.#class === null) return this.appMs === null ? 'refused' : 'answered';
      if (this.#class === CLASS.clientAbort) return 'refused';
      if (this.#class === CLASS.connectFailure) return 'failed';
      return this.#class === CLASS.timeout ? 'timed out' : 'answered';
    }
    if (!this.#isBrokenOff) return 'client left';
    return this.#class === CLASS.timeout ? 'timed out' : 'broken off';
  }

  /** Also where HTTP's status is 200, as that of a failed call of gRPC. */
  get hasFailed(): boolean {
    const each = this.#class;
    const isCounted = each === CLASS.serverError || each === CLASS.connectFailure || each === CLASS.timeout;
    return this.status >= 500 || isCounted || this.#isBrokenOff;
  }

  /** The application has answered; `headers` are those that the client gets. */
  answered(
    replica: ReplicaLink,
    head: { readonly statusCode: number; readonly headers: string[] },
    attemptAtMs: number,
  ): void {
    this.replica = replica;
    this.status = head.statusCode;
    this.appMs = performance.now() - attemptAtMs;
    if (head.statusCode === 101) {
      this.#isUpgraded = true;
      this.#isComplete = true;
    } else if (this.#accounts.saysTiming) {
      const waitedMs = attemptAtMs - this.arrivedAtMs;
      head.headers.push('Server-Timing', `wait;dur=${waitedMs.toFixed(2)}, app;dur=${this.appMs.toFixed(2)}`);
    }
  }

  /** Repeats of an attempt included. */
  decided(replica: ReplicaLink, classIndex: ClassIndex): void {
    this.attempts += 1;
    this.replica = replica;
    this.#class = classIndex;
  }

  waited(ms: number): void {
    this.queueMs += ms;
  }

  /** Nothing more comes. Repeats do nothing. */
  over(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#accounts.onEnd?.(this);
  }

  get headersSent(): boolean {
    return this.#answer.headersSent;
  }

  get destroyed(): boolean {
    return this.#answer.destroyed;
  }

  get chunkedEncoding(): boolean {
    return this.#answer.chunkedEncoding;
  }

  get shouldKeepAlive(): boolean {
    return this.#answer.shouldKeepAlive;
  }

  set shouldKeepAlive(value: boolean) {
    this.#answer.shouldKeepAlive = value;
  }

  writeHead(status: number, message: string, headers: string[]): void {
    this.status = status;
    this.#answer.writeHead(status, message, headers);
  }

  flushHeaders(): void {
    this.#answer.flushHeaders();
  }

  writeContinue(): void {
    this.#answer.writeContinue();
  }

  write(chunk: Buffer, written?: Written): boolean {
    this.bytes += chunk.length;
    return this.#answer.write(chunk, written);
  }

  addTrailers(trailers: [string, string][]): void {
    this.#answer.addTrailers(trailers);
  }

  end(chunk?: Buffer, written?: Written): void {
    if (chunk !== undefined) this.bytes += chunk.length;
    this.#isComplete = true;
    this.#answer.end(chunk, written);
  }

  destroy(): void {
    this.#isBrokenOff = true;
    this.#answer.destroy();
  }

  on(event: 'close', listener: () => void): void {
    this.#answer.on(event, listener);
  }

  off(event: 'close', listener: () => void): void {
    this.#answer.off(event, listener);
  }

  once(event: 'drain', listener: () => void): void {
    this.#answer.once(event, listener);
  }
}
