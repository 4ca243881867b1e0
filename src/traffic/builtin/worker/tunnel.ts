import type { Socket } from 'node:net';
import type { Exchange } from './exchange.ts';
import type { Upgraded } from './exchange-start.ts';
import type { ResponseHead } from './response-reader.ts';
import type { UpstreamConnection } from './upstream-connection.ts';
import { FrameTracker, GOING_AWAY_FROM_CLIENT, GOING_AWAY_FROM_SERVER } from './websocket-frames.ts';

/** After a close frame the client has this long to answer. */
const CLOSE_ANSWER_MS = 500;
/** After the client's end of a WebSocket the application has this long for what is under way. */
const ENDED_MS = 2000;
const KEEP_ALIVE_MS = 60_000;

export type TunnelEnds = {
  readonly client: Socket;
  /** What the client sent right behind its request. */
  readonly clientHead: Buffer;
  readonly connection: UpstreamConnection;
  readonly exchange: Exchange;
};

/** A connection after 101 Switching Protocols: bytes in both directions, with backpressure. */
export class Tunnel implements Upgraded {
  readonly isStream = true;
  private readonly client: Socket;
  private readonly connection: UpstreamConnection;
  private readonly exchange: Exchange;
  private readonly toClient: FrameTracker | null;
  private readonly toApplication: FrameTracker | null;
  /** Since the last sweep. */
  private moved = true;
  private movedAtMs = 0;
  private closing: 'no' | 'at the next frame' | 'closed' = 'no';

  constructor(ends: TunnelEnds, head: ResponseHead) {
    const isWebSocket = head.upgrade?.toLowerCase() === 'websocket';
    this.client = ends.client;
    this.connection = ends.connection;
    this.exchange = ends.exchange;
    this.toClient = isWebSocket ? new FrameTracker() : null;
    this.toApplication = isWebSocket ? new FrameTracker() : null;
    this.client.write(switchingHead(head), 'latin1');
    this.client.on('data', (chunk: Buffer) => this.fromClient(chunk));
    this.client.on('drain', () => this.connection.resume());
    this.client.on('end', () => this.clientEnded());
    // One that is gone without a word, or that nobody speaks with any more, is found out.
    this.client.setKeepAlive(true, KEEP_ALIVE_MS);
    this.client.on('error', () => this.client.destroy());
    this.client.on('close', () => this.cut());
    if (ends.clientHead.length > 0) this.fromClient(ends.clientHead);
    // A client that had ended its side before the tunnel stood says so no second time: it would stay for ever.
    if (this.client.readableEnded) this.clientEnded();
  }

  onBody(view: Buffer): void {
    this.moved = true;
    if (this.closing === 'closed') return;
    const taken = this.toClient?.follow(view, this.closing !== 'no') ?? view.length;
    if (taken > 0 && !this.client.write(Buffer.from(view.subarray(0, taken)))) this.connection.pause();
    if (this.closing !== 'no' && this.toClient?.atBoundary !== false) this.sayGoodbye();
  }

  onDrain(): void {
    this.client.resume();
  }

  sweep(nowMs: number, idleMs: number | null): void {
    if (this.moved) this.movedAtMs = nowMs;
    else if (idleMs !== null && nowMs - this.movedAtMs > idleMs) this.close();
    this.moved = false;
  }

  /** The application closed its side, or broke. */
  onBroken(): void {
    this.exchange.tunnelEnded();
    this.client.end();
    // A client that does not close its side in turn would stay for ever.
    const timer = setTimeout(() => this.client.destroy(), CLOSE_ANSWER_MS);
    timer.unref();
  }

  close(): void {
    if (this.closing !== 'no') return;
    this.closing = 'at the next frame';
    if (this.toClient === null || this.toClient.atBoundary) this.sayGoodbye();
  }

  cut(): void {
    this.connection.abandon();
    this.client.destroy();
    this.exchange.tunnelEnded();
  }

  private clientEnded(): void {
    this.connection.socket.end();
    if (this.toClient === null) return;
    // In a WebSocket nothing is left to hear by then, and an application that does not close its side would keep both for ever.
    const timer = setTimeout(() => this.cut(), ENDED_MS);
    timer.unref();
  }

  private fromClient(chunk: Buffer): void {
    this.moved = true;
    if (this.closing === 'closed') return;
    this.toApplication?.follow(chunk);
    if (!this.connection.write(chunk)) this.client.pause();
  }

  private sayGoodbye(): void {
    if (this.closing === 'closed') return;
    this.closing = 'closed';
    if (this.toClient !== null) this.client.write(GOING_AWAY_FROM_SERVER);
    if (this.toApplication?.atBoundary === true) this.connection.write(GOING_AWAY_FROM_CLIENT);
    this.connection.socket.end();
    const timer = setTimeout(() => this.client.end(() => this.cut()), CLOSE_ANSWER_MS);
    timer.unref();
  }
}

function switchingHead(head: ResponseHead): string {
  let text = `HTTP/1.1 101 ${head.statusMessage}\r\n`;
  for (let i = 0; i < head.headers.length; i += 2) text += `${head.headers[i]}: ${head.headers[i + 1]}\r\n`;
  return `${text}Connection: Upgrade\r\nUpgrade: ${head.upgrade ?? ''}\r\n\r\n`;
}
