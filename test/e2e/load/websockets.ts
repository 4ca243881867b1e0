import { createHash, randomBytes } from 'node:crypto';
import { connect, type Socket } from 'node:net';
import type { FailureKind } from './connection.ts';
import type { LoadOptions } from './options.ts';
import type { Tally } from './tally.ts';

const SAY_EVERY_MS = 100;
/** Each is open for so long, then closed by the client, and another one opened. */
const OPEN_MS = 2500;
const REOPEN_MS = 50;
const GUID = '258EAFA5-E914-47DA-95CA-C5AB0DC85B11';
const TEXT = 0x81;
const CLOSE = 0x88;
/** RFC 6455, section 7.4.1: 1000. */
const NORMAL = Buffer.from([0x03, 0xe8]);

/** What the application's end does: for a key, the value that accepts it. */
export function acceptOf(key: string): string {
  return createHash('sha1').update(`${key}${GUID}`).digest('base64');
}

/** One frame below 126 bytes, masked with zeros where a client sends it. */
export function frame(first: number, payload: Buffer, isClient: boolean): Buffer {
  const head = isClient ? [first, 0x80 | payload.length, 0, 0, 0, 0] : [first, payload.length];
  return Buffer.concat([Buffer.from(head), payload]);
}

/**
 * WebSockets that say a growing number ten times a second, and are to hear each of them again, in order, until they say
 * goodbye themselves. A goodbye of the other side is in order once the route has changed.
 */
export class WebSocketLane {
  readonly #options: LoadOptions;
  readonly #tally: Tally;
  #socket: Socket | null = null;
  #stopping = false;

  constructor(options: LoadOptions, tally: Tally) {
    this.#options = options;
    this.#tally = tally;
  }

  begin(): void {
    if (this.#stopping) return;
    const { host, port, hostHeader } = this.#options;
    const key = randomBytes(16).toString('base64');
    const socket = connect({ host, port, noDelay: true });
    this.#socket = socket;
    const talk = new Talk(key, this.#tally.switches, this.#tally);
    let ownPort: number | undefined;
    const over = (failure: { kind: FailureKind; detail: string } | null): void => {
      if (this.#socket !== socket) return;
      this.#socket = null;
      clearInterval(timer);
      socket.destroy();
      if (failure !== null) this.#tally.failure('WebSocket', { ...failure, port: ownPort });
      talk.over(failure === null);
      if (!this.#stopping) setTimeout(() => this.begin(), REOPEN_MS);
    };
    const timer = setInterval(() => {
      const wrong = talk.say(socket);
      if (wrong !== null) over({ kind: 'timeout', detail: wrong });
    }, SAY_EVERY_MS);
    socket.on('connect', () => {
      ownPort = socket.localPort;
      socket.write(
        `GET /echo HTTP/1.1\r\nHost: ${hostHeader}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: ${key}\r\n\r\n`,
      );
    });
    socket.on('data', (data) => {
      const found = talk.hear(data);
      if (found === 'closed') over(null);
      else if (found !== null) over({ kind: 'corrupt', detail: found });
    });
    socket.on('error', (error) =>
      over({ kind: talk.isOpen ? 'truncated' : 'refused', detail: error.message }),
    );
    socket.on('close', () => over({ kind: 'truncated', detail: 'ended without a goodbye' }));
  }

  /** Leaves, as a client may. */
  leave(): void {
    this.#stopping = true;
    const socket = this.#socket;
    this.#socket = null;
    socket?.destroy();
  }
}

/** One conversation. */
class Talk {
  isOpen = false;
  readonly #accept: string;
  readonly #switches: number;
  readonly #tally: Tally;
  readonly #beganMs = performance.now();
  #bytes: Buffer = Buffer.alloc(0);
  #said = 0;
  #heard = 0;
  #isLeaving = false;

  constructor(key: string, switches: number, tally: Tally) {
    this.#accept = acceptOf(key);
    this.#switches = switches;
    this.#tally = tally;
  }

  /** What is wrong with the other side's silence, or null. */
  say(socket: Socket): string | null {
    const forMs = performance.now() - this.#beganMs;
    if (forMs > OPEN_MS + 10_000) return `${this.#said} said, ${this.#heard} heard, no end`;
    if (!this.isOpen || this.#isLeaving) return null;
    if (forMs > OPEN_MS) {
      this.#isLeaving = true;
      socket.write(frame(CLOSE, NORMAL, true));
    } else socket.write(frame(TEXT, Buffer.from(String(++this.#said)), true));
    return null;
  }

  /** `closed` for a goodbye in order, what is wrong, or null. */
  hear(data: Buffer): string | null {
    this.#bytes = Buffer.concat([this.#bytes, data]);
    if (!this.isOpen) {
      const end = this.#bytes.indexOf('\r\n\r\n');
      if (end < 0) return null;
      const head = this.#bytes.toString('latin1', 0, end);
      this.#bytes = this.#bytes.subarray(end + 4);
      if (!head.startsWith('HTTP/1.1 101') || !head.includes(this.#accept)) return head.split('\r\n')[0]!;
      this.isOpen = true;
      this.#tally.webSockets.opened++;
    }
    while (this.#bytes.length >= 2 && this.#bytes.length >= 2 + this.#bytes[1]!) {
      const [first, length] = [this.#bytes[0]!, this.#bytes[1]!];
      const payload = this.#bytes.toString('latin1', 2, 2 + length);
      this.#bytes = this.#bytes.subarray(2 + length);
      if (first === CLOSE) return this.#goodbye(Buffer.from(payload, 'latin1'));
      if (Number(payload) !== ++this.#heard) return `${payload} was heard in the place of ${this.#heard}`;
      this.#tally.webSockets.messages++;
    }
    return null;
  }

  over(ok: boolean): void {
    if (!this.isOpen || !ok) return;
    if (this.#isLeaving) this.#tally.webSockets.done++;
    if (this.#tally.switches > this.#switches) this.#tally.webSockets.spanned++;
  }

  /** An answer to its own has its code; another one may come first, when both sides leave at the same moment. */
  #goodbye(code: Buffer): string {
    if (this.#isLeaving && code.equals(NORMAL))
      return this.#heard === this.#said ? 'closed' : `${this.#said} said, ${this.#heard} heard`;
    return this.#tally.switches > this.#switches ? 'closed' : 'a goodbye though nothing had switched';
  }
}
