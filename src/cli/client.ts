import { createReadStream } from 'node:fs';
import type { IncomingMessage, RequestOptions } from 'node:http';
import { finished } from 'node:stream/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { OperatingError } from '../lib/errors.ts';
import type { Problem } from '../http/answers.ts';
import { isActing, requestOf, type Answer, type Asked, type Name } from '../api/request.ts';
import type { Io } from './io.ts';
import { unreachable, type Where } from './locate.ts';
import { addressOf, placeOf, unreachableThere, type Address } from './remote.ts';
import { ServerProblem } from './server-problem.ts';

// An `import` of node:http or node:crypto asks for all that they export, a web client and web cryptography among it:
// 25 and 4 ms at the start of every command.
const { Agent, request: httpRequest } = process.getBuiltinModule('node:http');
const AGENT = { keepAlive: true, maxSockets: 4 };

type Sending = {
  readonly method: string;
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string | { readonly file: string } | null;
  readonly signal?: AbortSignal;
};

/** What is read as it comes. */
type StreamName = 'GET /events' | 'GET /services/{service}/logs' | 'GET /backup';

/** Longest wait for the head of an answer, and then for the rest of it, milliseconds. */
const ANSWER_MS = 60_000;
const UPLOAD_MS = 600_000;
/** How long a server that was there may be away, and how often it is looked for. */
const PATIENCE_MS = 60_000;
const RETRY_MS = 250;
/** How often a server that has too many requests is asked again, after as long as it says, and how long that may be. */
const MOST_RETRIES = 5;
const MOST_RETRY_MS = 30_000;
const MOST_ANSWER_BYTES = 64 * 1024 * 1024;

/**
 * Talks to the server over its socket, or to one elsewhere over TLS. A server that was reached once may go away for a minute: every request can be
 * repeated, because it reads, or carries an Idempotency-Key, or names its content.
 */
export class Client {
  readonly #where: Where;
  readonly #io: Io;
  #agent: InstanceType<typeof Agent> = new Agent(AGENT);
  readonly #actor: string | undefined;
  #address: Address | undefined;
  #reached = false;
  #closed = false;
  #goneSinceMs: number | null = null;

  constructor(where: Where, io: Io) {
    this.#where = where;
    this.#io = io;
    const actor = io.env['BASCULE_ACTOR'];
    this.#actor = actor === '' ? undefined : actor;
  }

  /** One request, by its name in the description of the API. */
  async ask<K extends Name>(name: K, asked: Asked<K>): Promise<Answer<K>> {
    const request = requestOf(name, asked);
    const { method, path, body } = request;
    const headers = {
      ...(isActing(request) && { 'idempotency-key': process.getBuiltinModule('node:crypto').randomUUID() }),
      ...(body !== null && { 'content-type': 'application/json' }),
    };
    return JSON.parse(await this.#insist({ method, path, headers, body })) as Answer<K>;
  }

  /** Uploads the file unless the server has it. Answers whether it sent anything. */
  async upload(digest: string, file: string, bytes: number): Promise<boolean> {
    const look = requestOf('HEAD /artifacts/{digest}', { params: { digest } });
    const head = await this.#patient({ ...look, headers: {} });
    head.resume();
    if (head.statusCode === 200) return false;
    const put = requestOf('PUT /artifacts/{digest}', { params: { digest } });
    const headers = { 'content-type': 'application/octet-stream', 'content-length': String(bytes) };
    await this.#insist({ ...put, headers, body: { file } });
    return true;
  }

  /** A stream of the server, from its first byte on. */
  async stream<K extends StreamName>(
    name: K,
    asked: Asked<K>,
    { headers = {}, signal }: { readonly headers?: Sending['headers']; readonly signal: AbortSignal },
  ): Promise<IncomingMessage> {
    const response = await this.#patient({ ...requestOf(name, asked), headers, signal });
    if (response.statusCode !== 200) throw problemOf(response, await textOf(response));
    return response;
  }

  /** Nothing is sent after this, repeats of what is under way included. */
  close(): void {
    this.#closed = true;
    this.#agent.destroy();
  }

  /** The answer as it was sent, however often it takes. */
  async #insist(sending: Sending): Promise<string> {
    for (let retries = 0; ;) {
      const response = await this.#patient(sending);
      let text: string;
      try {
        text = await textOf(response);
      } catch (error) {
        // Broken off in the middle of the answer.
        await this.#wait(error);
        continue;
      }
      if (response.statusCode !== 200) {
        const problem = problemOf(response, text);
        if (problem.status === 429 && retries < MOST_RETRIES) {
          retries += 1;
          await sleep(Math.min(Number(response.headers['retry-after'] ?? 1) * 1000, MOST_RETRY_MS));
          continue;
        }
        if (problem.code !== 'SERVER_STOPPING' || !this.#reached) throw problem;
        await this.#wait(problem);
        continue;
      }
      return text;
    }
  }

  /** The head of an answer, however often the server goes away before it. */
  async #patient(sending: Sending): Promise<IncomingMessage> {
    for (;;) {
      try {
        this.#address ??= this.#opened(await addressOf(this.#where, this.#io));
        const response = await this.#send(this.#address, sending);
        this.#found();
        return response;
      } catch (error) {
        if (sending.signal?.aborted === true) throw error;
        if (error instanceof OperatingError && error.code !== 'SERVER_UNREACHABLE') throw error;
        await this.#wait(error);
      }
    }
  }

  #found(): void {
    if (this.#goneSinceMs !== null) this.#io.err('the server is back.\n');
    this.#goneSinceMs = null;
    this.#reached = true;
  }

  async #wait(error: unknown): Promise<void> {
    const failure = error instanceof OperatingError ? error : this.#unreachable(error);
    if (!this.#reached || this.#closed) throw failure;
    const nowMs = this.#io.nowMs();
    if (this.#goneSinceMs === null) {
      this.#goneSinceMs = nowMs;
      this.#io.err(
        `the server does not answer; traffic stays as it is. Trying for ${PATIENCE_MS / 1000} s.\n`,
      );
    }
    if (nowMs - this.#goneSinceMs > PATIENCE_MS) throw failure;
    await sleep(RETRY_MS);
  }

  #unreachable(error: unknown): OperatingError {
    const address = this.#address;
    return address?.kind === 'network'
      ? unreachableThere(address, error)
      : unreachable(this.#where, address === undefined ? 'its socket' : placeOf(address), error);
  }

  /** Over TLS connections are made, and kept, by another agent: nobody else pays for loading it. */
  #opened(address: Address): Address {
    if (address.kind === 'network' && address.url.protocol === 'https:') {
      const { Agent: TlsAgent } = process.getBuiltinModule('node:https');
      this.#agent = new TlsAgent({ ...AGENT, ...(address.ca !== null && { ca: address.ca }) });
    }
    return address;
  }

  #send(address: Address, sending: Sending): Promise<IncomingMessage> {
    const { method, path, headers, body, signal } = sending;
    const { token } = address;
    return new Promise((resolve, reject) => {
      const request = httpRequest({
        ...whereTo(address),
        method,
        path,
        headers: {
          ...headers,
          ...(this.#actor !== undefined && { 'bascule-actor': this.#actor }),
          ...(token !== null && { authorization: `Bearer ${token}` }),
        },
        agent: this.#agent,
        ...(signal !== undefined && { signal }),
      });
      const late = setTimeout(
        () => request.destroy(new Error('no answer in time')),
        typeof body === 'object' && body !== null ? UPLOAD_MS : ANSWER_MS,
      );
      request.once('response', (response) => {
        clearTimeout(late);
        // A failure of the upload after its answer is told by the answer.
        request.on('error', () => undefined);
        resolve(response);
      });
      request.once('error', (error) => {
        clearTimeout(late);
        reject(error);
      });
      if (typeof body === 'string' || body === null) request.end(body ?? undefined);
      else
        createReadStream(body.file)
          .on('error', (error) => request.destroy(error))
          .pipe(request);
    });
  }
}

function whereTo(address: Address): RequestOptions {
  // Nobody reads that host. A name would be told from an IPv6 address first, by an expression that takes 4 ms to compile.
  if (address.kind === 'socket') return { socketPath: address.path, host: '127.0.0.1' };
  const { protocol, hostname, port } = address.url;
  const byDefault = protocol === 'https:' ? 443 : 80;
  return { protocol, host: hostname.replace(/^\[|\]$/g, ''), port: port === '' ? byDefault : Number(port) };
}

async function textOf(response: IncomingMessage): Promise<string> {
  const late = setTimeout(() => response.destroy(new Error('no answer in time')), ANSWER_MS);
  try {
    let text = '';
    response.setEncoding('utf8');
    response.on('data', (chunk: string) => {
      text += chunk;
      if (text.length > MOST_ANSWER_BYTES) response.destroy(new Error('the answer is too large'));
    });
    await finished(response);
    return text;
  } finally {
    clearTimeout(late);
  }
}

function problemOf(response: IncomingMessage, text: string): ServerProblem {
  if (/problem\+json/.test(response.headers['content-type'] ?? '')) {
    return new ServerProblem(JSON.parse(text) as Problem);
  }
  const status = response.statusCode ?? 0;
  const detail = `The server answered ${status} with something that is no problem of Bascule; is it one?`;
  const bare = {
    type: 'urn:bascule:SERVER_BUG',
    title: 'not understood',
    status,
    detail,
    code: 'SERVER_BUG',
  };
  return new ServerProblem({ ...bare, retryable: false, requestId: '', now: null });
}
