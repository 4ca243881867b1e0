import { connect, isIP, type Socket, type TcpNetConnectOpts } from 'node:net';
import { type Address, socketOf } from '../../../lib/address.ts';
import { ResponseReader, type ResponseHead } from './response-reader.ts';
import { mayTrail } from './header-kinds.ts';
import type { BodyFraming, ConnectionUser, UpstreamLink } from './upstream-link.ts';

/** Where a connection goes when its response has ended and it can carry another request. */
export type ConnectionHome = {
  readonly address: Address;
  takeBack(connection: UpstreamConnection): void;
  forget(connection: UpstreamConnection): void;
};

/** One buffer for all reads of the process: a read is handled to its end before the next one begins. */
const READ_BUFFER = Buffer.allocUnsafeSlow(65_536);

/** A connection to one replica of the application; carries one request at a time (no pipelining). */
export class UpstreamConnection implements UpstreamLink {
  readonly socket: Socket;
  /** Whether it has carried a request before: if it breaks now, the application may just have closed an idle connection. */
  isReused = false;
  idleSinceMs = 0;
  readonly reader: ResponseReader;
  private readonly home: ConnectionHome;
  private user: ConnectionUser | null = null;
  private sent = false;
  private chunked = false;
  private reusable = false;
  private paused = false;
  private connected = false;
  private brokenBy = 'the connection was closed';

  constructor(home: ConnectionHome) {
    this.home = home;
    this.reader = new ResponseReader({
      onInformational: (statusCode: number) => this.user?.onInformational(statusCode),
      onHead: (head: ResponseHead) => this.user?.onHead(head),
      onBody: (view: Buffer) => this.user?.onBody(view),
      onEnd: (trailers: string[] | null) => this.user?.onEnd(trailers),
    });
    this.socket = connect({
      ...placeOf(home.address),
      onread: { buffer: READ_BUFFER, callback: (bytes: number) => this.read(bytes) },
    });
    this.socket.on('connect', () => {
      this.connected = true;
      this.user?.onConnected();
    });
    this.socket.on('drain', () => this.user?.onDrain());
    this.socket.on('error', (error: NodeJS.ErrnoException) => {
      this.brokenBy = error.code ?? error.message;
    });
    this.socket.on('end', () => this.closedByApplication());
    this.socket.on('close', () => this.break(this.brokenBy));
  }

  /** Begins a request; `user.onConnected` is called at once if the connection stands. */
  begin(user: ConnectionUser, method: string): void {
    this.user = user;
    this.sent = false;
    this.reusable = false;
    this.reader.begin(method);
    if (this.connected) user.onConnected();
  }

  /** Returns false when the writer should wait for `onDrain`. */
  write(data: string | Buffer): boolean {
    this.sent = true;
    return typeof data === 'string' ? this.socket.write(data, 'latin1') : this.socket.write(data);
  }

  sendHead(head: string, body: BodyFraming): void {
    this.chunked = body === 'chunked';
    this.write(head);
  }

  sendBody(chunk: Buffer): boolean {
    if (!this.chunked) return this.write(chunk);
    this.write(`${chunk.length.toString(16)}\r\n`);
    this.write(chunk);
    return this.write('\r\n');
  }

  endBody(rawTrailers: readonly string[]): void {
    if (!this.chunked) return;
    let end = '0\r\n';
    for (let i = 0; i < rawTrailers.length; i += 2)
      if (mayTrail(rawTrailers[i]!)) end += `${rawTrailers[i]}: ${rawTrailers[i + 1]}\r\n`;
    this.write(`${end}\r\n`);
  }

  giveUp(): void {
    this.socket.destroy();
  }

  pause(): void {
    this.paused = true;
    this.socket.pause();
  }

  resume(): void {
    if (!this.paused) return;
    this.paused = false;
    this.socket.resume();
  }

  get isPaused(): boolean {
    return this.paused;
  }

  /** The user has no more interest. Nothing is called back. */
  abandon(): void {
    this.user = null;
    this.destroy();
  }

  destroy(): void {
    this.home.forget(this);
    this.socket.destroy();
  }

  /** `requestDone`: the whole request was written, so that the connection is in a clean state. */
  release(requestDone: boolean): void {
    this.user = null;
    this.reusable = requestDone && this.reader.keepAlive;
  }

  private read(bytes: number): boolean {
    if (this.user === null) {
      this.brokenBy = 'bytes without a request';
      this.destroy();
      return true;
    }
    const wrong = this.reader.feed(READ_BUFFER.subarray(0, bytes));
    if (wrong !== null) {
      this.break(`the application sent ${wrong}`);
      this.destroy();
      return true;
    }
    if (this.user !== null) this.user.onReadDone();
    else this.settle();
    return !this.paused;
  }

  /** After a response: back to the pool, or away. Not earlier, so that what follows it in the same read is seen. */
  private settle(): void {
    if (this.socket.destroyed) return;
    if (!this.reusable) {
      this.destroy();
      return;
    }
    this.resume();
    this.isReused = true;
    this.home.takeBack(this);
  }

  private closedByApplication(): void {
    this.home.forget(this);
    if (this.reader.isRaw) {
      this.break('closed');
      return;
    }
    if (this.user !== null && this.reader.finish()) this.destroy();
  }

  private break(reason: string): void {
    this.home.forget(this);
    const user = this.user;
    this.user = null;
    user?.onBroken(reason, !this.sent);
  }
}

function placeOf(address: Address): { readonly path: string } | TcpNetConnectOpts {
  const path = socketOf(address);
  if (path !== null) return { path };
  const { host, port } = address;
  return { host, port, noDelay: true, autoSelectFamily: isIP(host) === 0 };
}
