import { Connection } from './connection.ts';
import type { Exchange } from './connection.ts';
import type { LoadOptions } from './options.ts';
import type { ResponseHead } from './parser.ts';
import type { Tally } from './tally.ts';
import { Users } from './users.ts';
import type { User } from './users.ts';

const TICK_MS = 2;
/** How many seconds' worth of due requests may wait for a free connection before they are given up. */
const MAX_WAITING_SECONDS = 5;
const MAX_QUOTED = 160;
const RETURN_AFTER_FAILURE_MS = 10;

/** Told of every answer: the version and when its request was sent. */
export type AnswerListener = (version: string, sentMs: number) => void;

/** Ordinary requests over a pool of keep-alive connections, at a fixed rate or one after another. */
export class Requests {
  readonly #options: LoadOptions;
  readonly #tally: Tally;
  readonly #heard: AnswerListener;
  readonly #users: Users;
  readonly #templates: readonly RequestTemplate[];
  readonly #idle: Connection[] = [];
  readonly #all: Connection[] = [];
  /** When the waiting requests were due, oldest first. */
  #due: number[] = [];
  #startMs = 0;
  /** Requests that were due so far. */
  #count = 0;
  #timer: NodeJS.Timeout | undefined;
  #stopped: (() => void) | null = null;

  constructor(options: LoadOptions, tally: Tally, heard: AnswerListener) {
    this.#options = options;
    this.#tally = tally;
    this.#heard = heard;
    this.#users = new Users(options.users, options.newcomers);
    this.#templates = options.requests.map((text) => parseTemplate(text, options.hostHeader));
  }

  start(): void {
    const { connections, host, port, perSecond } = this.#options;
    if (connections === 0) return;
    for (let i = 0; i < connections; i++) {
      const connection = new Connection({ host, port }, (failure) =>
        this.#tally.failure('idle connection', failure),
      );
      this.#all.push(connection);
      this.#idle.push(connection);
    }
    this.#startMs = performance.now();
    if (perSecond > 0) this.#timer = setInterval(() => this.#tick(), TICK_MS);
    else while (this.#idle.length > 0) this.#send(performance.now());
  }

  expire(nowMs: number): void {
    for (const connection of this.#all) connection.expire(nowMs);
  }

  /** Sends nothing new, waits for what is in flight, closes. */
  async stop(): Promise<void> {
    clearInterval(this.#timer);
    this.#due = [];
    if (this.#idle.length < this.#all.length) await new Promise<void>((resolve) => (this.#stopped = resolve));
    else this.#stopped = () => undefined;
    for (const connection of this.#all) connection.close();
  }

  #tick(): void {
    const { perSecond } = this.#options;
    const nowMs = performance.now();
    const dueByNow = Math.floor(((nowMs - this.#startMs) * perSecond) / 1000);
    for (; this.#count < dueByNow; this.#count++) {
      if (this.#due.length < perSecond * MAX_WAITING_SECONDS) {
        this.#due.push(this.#startMs + ((this.#count + 1) * 1000) / perSecond);
      } else this.#tally.unsent++;
    }
    this.#sendDue();
  }

  #sendDue(): void {
    const count = Math.min(this.#due.length, this.#idle.length);
    for (const dueMs of this.#due.splice(0, count)) this.#send(dueMs);
  }

  #send(dueMs: number): void {
    const connection = this.#idle.shift()!;
    const template = this.#templates[this.#tally.sent % this.#templates.length]!;
    const echo = String(++this.#tally.sent);
    const user = this.#users.pick();
    connection.send(this.#exchange({ connection, template, user, echo, dueMs }));
  }

  #exchange({ connection, template, user, echo, dueMs }: Sending): Exchange {
    const sentMs = performance.now();
    let answer: ResponseHead | null = null;
    let start = '';
    return {
      method: template.method,
      request: `${template.head}${user.line}X-Echo: ${echo}\r\n\r\n${template.body}`,
      limits: { idleMs: this.#options.timeoutMs, totalMs: this.#options.timeoutMs },
      head: (head) => {
        answer = head;
        user.keep(head.setCookies);
      },
      body: (part) => {
        if (start.length < MAX_QUOTED && !answer!.headers.has('x-version')) {
          start += part.toString('latin1', 0, MAX_QUOTED);
        }
      },
      end: () => {
        const version = answer!.headers.get('x-version');
        const echoed = answer!.headers.get('x-echo');
        if (version === undefined) {
          const detail = `${answer!.status} without X-Version: ${JSON.stringify(start.slice(0, MAX_QUOTED))}`;
          this.#tally.failure(template.name, { kind: 'foreign', detail });
        } else if (echoed !== echo) {
          const detail = `the answer to request ${echoed ?? '(none)'} came for request ${echo}`;
          this.#tally.failure(template.name, { kind: 'corrupt', detail });
        } else {
          this.#tally.answer(version, answer!.status, performance.now() - dueMs);
          this.#heard(version, sentMs);
        }
        this.#free(connection);
      },
      failed: (failure) => {
        this.#tally.failure(template.name, failure);
        // Not at once: a door that refuses at once would otherwise get far more than its share of the requests.
        setTimeout(() => this.#free(connection), RETURN_AFTER_FAILURE_MS);
      },
    };
  }

  #free(connection: Connection): void {
    this.#idle.push(connection);
    if (this.#stopped !== null) {
      if (this.#idle.length === this.#all.length) this.#stopped();
    } else if (this.#options.perSecond > 0) this.#sendDue();
    else this.#send(performance.now());
  }
}

type Sending = {
  readonly connection: Connection;
  readonly template: RequestTemplate;
  readonly user: User;
  readonly echo: string;
  readonly dueMs: number;
};

type RequestTemplate = {
  readonly name: string;
  readonly method: string;
  /** Request line and fixed header lines. */
  readonly head: string;
  readonly body: string;
};

function parseTemplate(text: string, hostHeader: string): RequestTemplate {
  const match = /^([A-Z]+) (\/\S*)(?: (.*))?$/.exec(text);
  if (match === null) throw new Error(`a request is written "GET /path" or "POST /path body", not "${text}"`);
  const [, method = '', path = '', body] = match;
  const type = 'Content-Type: application/x-www-form-urlencoded\r\n';
  const length = body === undefined ? '' : `${type}Content-Length: ${Buffer.byteLength(body)}\r\n`;
  const head = `${method} ${path} HTTP/1.1\r\nHost: ${hostHeader}\r\n${length}`;
  return { name: `${method} ${path}`, method, head, body: body ?? '' };
}
