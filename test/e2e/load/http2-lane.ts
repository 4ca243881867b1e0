import { createHash, randomBytes } from 'node:crypto';
import {
  connect,
  constants,
  type ClientHttp2Session,
  type ClientHttp2Stream,
  type IncomingHttpHeaders,
} from 'node:http2';
import { crc32 } from 'node:zlib';
import type { Failure, FailureKind } from './connection.ts';
import type { LoadOptions } from './options.ts';
import type { Tally } from './tally.ts';

const PAUSE_MS = 20;
const PIECE_MS = 40;
const CORRUPT = 'corrupt';

type Work = {
  readonly what: string;
  readonly method: string;
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  /** Sends the body. */
  send?(stream: ClientHttp2Stream): void;
  /** Without any progress, or none. */
  readonly idleMs: number;
  /** What is wrong with a whole answer, or null. */
  verdict(answer: Answer): string | null;
  done(): void;
};

type Answer = { readonly status: number; readonly headers: IncomingHttpHeaders; readonly body: Buffer };

/**
 * A client of HTTP/2 over TLS with one connection at a time: requests one after another, and beside them one upload, one download
 * and one event stream. When the other side says goodbye, what comes next goes over a new connection; nothing is sent again.
 */
export class Http2Lane {
  readonly #options: LoadOptions;
  readonly #tally: Tally;
  readonly #content: Buffer;
  readonly #under = new Set<Promise<void>>();
  /** By each goodbye in turn: the newest request that the other side serves. */
  readonly #goodbyes = new WeakMap<ClientHttp2Session, number[]>();
  #session: ClientHttp2Session | null = null;
  #localPort: number | undefined;
  #streaming: ClientHttp2Stream | null = null;
  #stopping = false;
  #count = 0;

  constructor(options: LoadOptions, tally: Tally) {
    this.#options = options;
    this.#tally = tally;
    this.#content = randomBytes(options.transferBytes);
  }

  begin(): void {
    const tracks = [
      () => this.#request(),
      () => this.#upload(),
      () => this.#download(),
      () => this.#events(),
    ];
    for (const next of tracks) {
      const track = this.#repeat(next).finally(() => this.#under.delete(track));
      this.#under.add(track);
    }
  }

  /** Begins no more; resolves when what is under way is done. The event stream is left, as a client may. */
  async finish(): Promise<void> {
    this.#stopping = true;
    this.#streaming?.close(constants.NGHTTP2_CANCEL);
    await Promise.all(this.#under);
    this.#session?.destroy();
  }

  async #repeat(next: () => Work): Promise<void> {
    while (!this.#stopping) {
      const work = next();
      const switches = this.#tally.switches;
      const failed = await this.#do(work, () => this.#tally.switches > switches);
      if (failed === 'unsent') continue;
      if (failed !== null) this.#tally.failure(`HTTP/2 ${work.what}`, failed);
      else work.done();
      if (this.#tally.switches > switches) this.#tally.http2.spanned++;
      await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
    }
  }

  #open(): ClientHttp2Session {
    const { host, tlsPort } = this.#options;
    const session = connect(`https://${host}:${tlsPort}`, { rejectUnauthorized: false });
    this.#session = session;
    // One for each request that begins before it stands.
    session.setMaxListeners(0);
    this.#localPort = undefined;
    session.on('connect', () => {
      this.#tally.http2.connections++;
      if (this.#session === session) this.#localPort = session.socket.localPort;
    });
    session.once('goaway', () => this.#tally.http2.goneAway++);
    const goodbyes: number[] = [];
    this.#goodbyes.set(session, goodbyes);
    session.on('goaway', (_code, last: number) => goodbyes.push(last));
    // Whatever is under way fails by itself, and is counted.
    session.on('error', () => session.destroy());
    return session;
  }

  /** What failed, or null; or that it was never sent. */
  #do(work: Work, mayEnd: () => boolean): Promise<Failure | 'unsent' | null> {
    const known = this.#session;
    const session = known === null || known.closed || known.destroyed ? this.#open() : known;
    const knewGoodbye = (this.#goodbyes.get(session) ?? []).length > 0;
    const { method, path, headers } = work;
    const stream = session.request(
      { ':method': method, ':path': path, ...headers },
      { endStream: method === 'GET' },
    );
    if (work.what === 'event stream') this.#streaming = stream;
    let status = 0;
    let answered: IncomingHttpHeaders = {};
    let [isWhole, isConnected, isLate] = [false, !session.connecting, false];
    let port = this.#localPort;
    const body: Buffer[] = [];
    session.once('connect', () => {
      isConnected = true;
      port = session.socket.localPort;
    });
    stream.on('response', (got) => {
      status = Number(got[':status']);
      answered = got;
    });
    stream.on('data', (part: Buffer) => body.push(part)).on('end', () => (isWhole = true));
    // What it is follows from what came.
    stream.on('error', () => {});
    stream.setTimeout(work.idleMs, () => {
      isLate = true;
      stream.close(constants.NGHTTP2_CANCEL);
    });
    work.send?.(stream);
    return new Promise((resolve) => {
      const over = (): void => {
        const fails = (kind: FailureKind, detail: string) => resolve({ kind, detail, port });
        const isLeft = this.#stopping && work.what === 'event stream';
        if (isLeft) return resolve(null);
        if (isLate) return fails('timeout', `nothing for ${work.idleMs} ms`);
        if (!isConnected) return fails('refused', 'no connection');
        const code = stream.rstCode ?? 0;
        // Node's client never sends what it had not sent when a goodbye comes, also where that says that it would be served, and
        // refuses it by itself, at once or with the next goodbye. (Against a server that refuses nothing it does the same.)
        const [first = 0] = this.#goodbyes.get(session) ?? [];
        const wouldServe = !knewGoodbye && first >= (stream.id ?? Infinity);
        if (status === 0 && code === constants.NGHTTP2_REFUSED_STREAM && wouldServe) {
          this.#tally.http2.unsent++;
          return resolve('unsent');
        }
        if (status === 0) return fails('reset', `no answer, code ${code}`);
        if (!isWhole || code !== constants.NGHTTP2_NO_ERROR) return fails('truncated', `code ${code}`);
        if (answered['x-version'] === undefined) return fails('foreign', `${status} without X-Version`);
        const wrong = work.verdict({ status, headers: answered, body: Buffer.concat(body) });
        if (wrong !== null) return fails(CORRUPT, wrong);
        if (work.what === 'event stream' && !mayEnd())
          return fails('ended-early', 'ended though nothing had switched');
        return resolve(null);
      };
      // What the goodbye said that it may follow from is told in a moment.
      stream.once('close', () => setImmediate(over));
    });
  }

  #request(): Work {
    const echo = `h2-${++this.#count}`;
    return {
      what: 'request',
      method: 'GET',
      path: '/product/tea',
      headers: { 'x-echo': echo },
      idleMs: this.#options.timeoutMs,
      verdict: ({ headers }) =>
        headers['x-echo'] === echo ? null : `the answer to ${String(headers['x-echo'])}`,
      done: () => void this.#tally.http2.requests++,
    };
  }

  #upload(): Work {
    const { transferMs, timeoutMs } = this.#options;
    const content = this.#content;
    const sha256 = createHash('sha256').update(content).digest('hex');
    return {
      what: 'upload',
      method: 'POST',
      path: '/upload',
      idleMs: timeoutMs,
      headers: { 'content-length': String(content.length) },
      send: (stream) => sendEvenly(stream, content, transferMs),
      verdict: ({ body }) =>
        body.toString() === JSON.stringify({ bytes: content.length, sha256 })
          ? null
          : body.toString().slice(0, 200),
      done: () => void this.#tally.http2.uploads++,
    };
  }

  #download(): Work {
    const { transferBytes, transferMs, timeoutMs } = this.#options;
    const rate = Math.max(1, Math.round((transferBytes * 1000) / transferMs));
    return {
      what: 'download',
      method: 'GET',
      headers: {},
      idleMs: timeoutMs,
      path: `/download?bytes=${transferBytes}&rate=${rate}`,
      verdict: ({ headers, body }) => {
        const came = crc32(body).toString(16);
        const isRight = body.length === transferBytes && headers['x-crc32'] === came;
        return isRight ? null : `${body.length} bytes, crc ${came}`;
      },
      done: () => void this.#tally.http2.downloads++,
    };
  }

  #events(): Work {
    return {
      what: 'event stream',
      method: 'GET',
      path: '/events',
      idleMs: this.#options.timeoutMs,
      headers: { accept: 'text/event-stream' },
      verdict: ({ body }) => {
        const ids = [...body.toString().matchAll(/^id: (\d+)$/gm)].map(([, id]) => Number(id));
        const isWhole =
          ids.every((id, at) => id === at + 1) && (body.length === 0 || body.toString().endsWith('\n\n'));
        return isWhole ? null : `events ${ids.join(' ').slice(0, 200)}`;
      },
      done: () => void this.#tally.http2.streams++,
    };
  }
}

function sendEvenly(stream: ClientHttp2Stream, content: Buffer, overMs: number): void {
  const pieceBytes = Math.max(1, Math.ceil(content.length / Math.max(1, overMs / PIECE_MS)));
  let sent = 0;
  const timer = setInterval(() => {
    if (stream.destroyed || stream.closed) return clearInterval(timer);
    stream.write(content.subarray(sent, sent + pieceBytes));
    sent += pieceBytes;
    if (sent < content.length) return;
    clearInterval(timer);
    stream.end();
  }, PIECE_MS);
  stream.once('close', () => clearInterval(timer));
}
