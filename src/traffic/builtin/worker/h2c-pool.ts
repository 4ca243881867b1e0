import { type ClientHttp2Session, type ClientSessionOptions, connect } from 'node:http2';
import { type Address, authorityOf } from '../../../lib/address.ts';
import { overSocket } from '../../../lib/over-socket.ts';
import { type H2cHome, H2cStream } from './h2c-stream.ts';

/** Of one worker to one replica; past their streams, requests wait in the last one. */
const MAX_CONNECTIONS = 8;
/** Where the application does not say how many it takes. */
const MAX_STREAMS = 100;
const WINDOW_BYTES = 1_048_576;
/** Without a request. */
const IDLE_MS = 60_000;

/** What a client repeats is between it and the application; the types of Node do not know the option for clients yet. */
const OPTIONS: ClientSessionOptions & { readonly strictSingleValueFields: boolean } = {
  settings: { enablePush: false, initialWindowSize: WINDOW_BYTES },
  strictSingleValueFields: false,
};

/** The connections to one replica that speaks HTTP/2 in the clear (prior knowledge, RFC 9113, section 3.3). */
export class H2cPool {
  readonly #address: Address;
  #connections: H2cConnection[] = [];

  constructor(address: Address) {
    this.#address = address;
  }

  open(): H2cStream {
    return this.#pick().stream();
  }

  #pick(): H2cConnection {
    const open = this.#connections.filter((each) => each.takesMore);
    const room = open.find((each) => each.hasRoom);
    if (room !== undefined) return room;
    if (open.length >= MAX_CONNECTIONS) return open.at(-1)!;
    const connection = new H2cConnection(this.#address, {
      onClosed: () => {
        this.#connections = this.#connections.filter((each) => each !== connection);
      },
      another: () => this.#pick(),
    });
    this.#connections.push(connection);
    return connection;
  }

  closeStale(nowMs: number): void {
    for (const each of this.#connections) each.closeIfIdle(nowMs - IDLE_MS);
  }

  /** What is idle goes now, what is busy when it is done. */
  close(): void {
    for (const each of this.#connections) each.closeSoon();
  }
}

type Owner = { readonly onClosed: () => void; readonly another: () => H2cConnection };

class H2cConnection implements H2cHome {
  readonly session: ClientHttp2Session;
  isConnected = false;
  isUsed = false;
  readonly #streams = new Set<H2cStream>();
  #idleSinceMs = performance.now();
  #reason = 'the connection was closed';
  #isLeaving = false;
  readonly #another: () => H2cConnection;

  constructor(address: Address, { onClosed, another }: Owner) {
    this.#another = another;
    this.session = connect(`http://${authorityOf(address)}`, { ...OPTIONS, ...overSocket(address) });
    this.session.on('connect', () => {
      this.isConnected = true;
      this.session.setLocalWindowSize(WINDOW_BYTES * 4);
      for (const stream of this.#streams) stream.connected();
    });
    this.session.on('error', (error: NodeJS.ErrnoException) => {
      this.#reason = error.code ?? error.message;
    });
    this.session.on('goaway', () => {
      this.#isLeaving = true;
    });
    this.session.on('close', () => {
      this.#isLeaving = true;
      onClosed();
      for (const stream of this.#streams) stream.failed(this.#reason);
    });
  }

  get takesMore(): boolean {
    return !this.#isLeaving && !this.session.closed && !this.session.destroyed;
  }

  get hasRoom(): boolean {
    const limit = this.session.remoteSettings?.maxConcurrentStreams ?? MAX_STREAMS;
    return this.#streams.size < Math.min(limit, MAX_STREAMS);
  }

  stream(): H2cStream {
    const stream = new H2cStream(this);
    this.#streams.add(stream);
    return stream;
  }

  another(stream: H2cStream): H2cConnection {
    // Refused is refused for now: this one is about to close, or full.
    this.#isLeaving = true;
    const other = this.#another();
    other.#streams.add(stream);
    return other;
  }

  left(stream: H2cStream): void {
    this.isUsed = true;
    this.#streams.delete(stream);
    if (this.#streams.size > 0) return;
    this.#idleSinceMs = performance.now();
    if (this.#isLeaving) this.session.close();
  }

  giveUp(): void {
    this.#reason = 'no connection in time';
    this.session.destroy();
  }

  closeIfIdle(beforeMs: number): void {
    if (this.#streams.size === 0 && this.#idleSinceMs < beforeMs) this.session.close();
  }

  closeSoon(): void {
    this.#isLeaving = true;
    if (this.#streams.size === 0) this.session.close();
  }
}
