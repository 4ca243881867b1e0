import { connect } from 'node:net';
import type { Socket } from 'node:net';
import type { Address } from '../../../src/lib/address.ts';
import { messageOf } from '../../../src/lib/errors.ts';
import { Malformed, ResponseParser } from './parser.ts';
import type { ResponseHead, ResponseSink } from './parser.ts';

/**
 * refused: no connection. reset: broken or closed before any of the answer. truncated: broken or closed within it.
 * malformed: not HTTP. timeout: too slow. foreign: an answer that the application did not send. corrupt: an answer
 * with other content than the application's. ended-early: a stream that ended though nothing had switched.
 */
export const FAILURE_KINDS = [
  'refused',
  'reset',
  'truncated',
  'malformed',
  'timeout',
  'foreign',
  'corrupt',
  'ended-early',
] as const;
export type FailureKind = (typeof FAILURE_KINDS)[number];

export type Failure = {
  readonly kind: FailureKind;
  readonly detail: string;
  /** Of the client's end of the connection; absent where there was none, or where the connection was not at fault. */
  readonly port?: number | undefined;
};

/** One request and what becomes of it: `head`, `body`…, then exactly one of `end` and `failed`; nothing after that. */
export type Exchange = {
  readonly method: string;
  /** The head of the request, and its body unless that follows by `Connection.write`. */
  readonly request: string;
  /** How long nothing may happen, and how long all may take, in milliseconds. */
  readonly limits: { readonly idleMs: number; readonly totalMs: number };
  head(head: ResponseHead): void;
  body(part: Buffer): void;
  end(): void;
  failed(failure: Failure): void;
};

/** A keep-alive connection of one client: connects when needed, carries one exchange at a time, never repeats one. */
export class Connection {
  readonly #target: Address;
  readonly #stray: (failure: Failure) => void;
  #parser = new ResponseParser(this.#sink());
  #socket: Socket | null = null;
  #connected = false;
  #localPort: number | undefined;
  #exchange: Exchange | null = null;
  #beganMs = 0;
  #activeMs = 0;
  #lastAnswer = false;

  /** `stray` hears of bytes that came while no answer was due. */
  constructor(target: Address, stray: (failure: Failure) => void) {
    this.#target = target;
    this.#stray = stray;
  }

  get busy(): boolean {
    return this.#exchange !== null;
  }

  send(exchange: Exchange): void {
    if (this.#exchange !== null) throw new Error('the connection is busy');
    this.#exchange = exchange;
    this.#beganMs = this.#activeMs = performance.now();
    this.#lastAnswer = false;
    const socket = this.#socket ?? this.#open();
    this.#parser.expect(exchange.method);
    socket.write(exchange.request, 'latin1');
  }

  /** More of the body of the present request. */
  write(part: Buffer | string): void {
    this.#activeMs = performance.now();
    this.#socket?.write(part);
  }

  /** Slows the sender down by not reading. */
  readLater(ms: number): void {
    const socket = this.#socket;
    socket?.pause();
    setTimeout(() => socket?.resume(), ms);
  }

  /** Fails an exchange that is beyond its limits. Call it every few hundred milliseconds. */
  expire(nowMs: number): void {
    if (this.#exchange === null) return;
    const { idleMs, totalMs } = this.#exchange.limits;
    const phase = this.#connected
      ? this.#parser.begun
        ? 'within the answer'
        : 'before an answer'
      : 'connecting';
    if (nowMs - this.#activeMs > idleMs) this.fail('timeout', `nothing for ${idleMs} ms, ${phase}`);
    else if (nowMs - this.#beganMs > totalMs) this.fail('timeout', `not done after ${totalMs} ms, ${phase}`);
  }

  /** Ends the present exchange as failed, and the connection with it. */
  fail(kind: FailureKind, detail: string): void {
    const exchange = this.#exchange;
    this.close();
    exchange?.failed({ kind, detail, port: this.#localPort });
  }

  /** Lets go of everything; the present exchange hears nothing any more. */
  close(): void {
    this.#exchange = null;
    const socket = this.#socket;
    this.#socket = null;
    socket?.destroy();
  }

  #open(): Socket {
    const socket = connect({ host: this.#target.host, port: this.#target.port, noDelay: true });
    this.#socket = socket;
    this.#connected = false;
    this.#localPort = undefined;
    this.#parser = new ResponseParser(this.#sink());
    socket.on('connect', () => {
      this.#connected = true;
      this.#localPort = socket.localPort;
    });
    socket.on('data', (part) => {
      if (this.#socket === socket) this.#read(part);
    });
    socket.on('end', () => {
      // An idle connection may be closed by the server at any time; the next request takes a new one.
      if (this.#socket === socket && this.#exchange === null) this.close();
    });
    socket.on('error', (error) => {
      if (this.#socket === socket) this.#lost(messageOf(error));
    });
    socket.on('close', () => {
      if (this.#socket === socket) this.#lost('closed by the other side');
    });
    return socket;
  }

  #sink(): ResponseSink {
    return {
      head: (head) => {
        this.#lastAnswer = (head.headers.get('connection') ?? '').toLowerCase().includes('close');
        this.#exchange?.head(head);
      },
      body: (part) => this.#exchange?.body(part),
      end: () => this.#finish(),
    };
  }

  #read(part: Buffer): void {
    this.#activeMs = performance.now();
    try {
      this.#parser.push(part);
    } catch (error) {
      if (!(error instanceof Malformed)) throw error;
      if (this.#exchange === null) this.#stray({ kind: 'malformed', detail: error.message });
      this.fail('malformed', error.message);
    }
  }

  #lost(why: string): void {
    if (!this.#connected) this.fail('refused', why);
    else this.fail(this.#parser.begun ? 'truncated' : 'reset', why);
  }

  #finish(): void {
    const exchange = this.#exchange;
    this.#exchange = null;
    if (this.#lastAnswer) this.close();
    exchange?.end();
  }
}
