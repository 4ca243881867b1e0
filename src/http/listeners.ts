import { X509Certificate } from 'node:crypto';
import { readFileSync, statSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { Socket } from 'node:net';
import type { FastifyInstance, FastifyServerFactory } from 'fastify';
import { isLoopback, type Listener } from '../controller/listener-entry.ts';
import { messageOf, OperatingError } from '../lib/errors.ts';
import { appFor } from './app.ts';
import { refuseMalformed } from './malformed.ts';
import { addressKey } from './rates.ts';
import type { Shared } from './respond.ts';

/** What may take how long over the network, milliseconds. */
export type NetworkLimits = {
  /** The head of a request, and a handshake. */
  readonly headMs: number;
  /** A body of JSON. */
  readonly bodyMs: number;
  /** Nothing comes or goes: longer than the heartbeat of streams. */
  readonly idleMs: number;
  /** A whole request: an artifact. */
  readonly requestMs: number;
  /** Connections of one address beyond this machine. */
  readonly mostPerAddress: number;
};

/** An address of the API as the settings show it. */
export type ListenerView = {
  readonly url: string;
  readonly address: string;
  readonly port: number;
  /** Null: in the clear, on loopback. `notAfterMs` null: it is not open, so that nobody is shown any. */
  readonly certificate: { readonly file: string; readonly notAfterMs: number | null } | null;
  readonly names: readonly string[];
  /** Whether it is open: what others can reach waits for the first token. */
  readonly isOpen: boolean;
};

export const NETWORK_LIMITS: NetworkLimits = {
  headMs: 10_000,
  bodyMs: 30_000,
  idleMs: 120_000,
  requestMs: 600_000,
  mostPerAddress: 64,
};

/** How often what is late is looked for. */
const CHECK_MS = 1000;

/** The addresses of the API besides its sockets. */
export class Listeners {
  readonly #shared: Shared;
  readonly #all: Opening[];
  #local: Promise<string> | null = null;
  #unsubscribe: () => void = () => undefined;

  constructor(shared: Shared) {
    this.#shared = shared;
    this.#all = (shared.options.listeners ?? []).map((listener) => new Opening(listener, shared));
  }

  /** Error: LISTENER_FAILED. What others can reach waits for the first token. */
  async open(): Promise<void> {
    const { tokens } = this.#shared.options.controller;
    for (const one of this.#all) {
      if (tokens.anyValid() || isLoopback(one.listener.address)) await one.open();
      else this.#say(`${one.place} stays closed until there is a token: bascule token create`);
    }
    this.#unsubscribe = tokens.onChange(() => {
      if (tokens.anyValid()) void this.#openRest();
    });
    // Whoever was logged in there finds the server again after its restart.
    if (this.#shared.pages !== null && this.#shared.sessions.hasLocal()) await this.local();
  }

  /** Takes up certificates that were renewed. Never throws. */
  refresh(): void {
    for (const one of this.#all) {
      try {
        if (one.refresh()) this.#say(`${one.place} shows its new certificate`);
      } catch (error) {
        this.#say(`${one.place} goes on with its former certificate: ${messageOf(error)}`);
      }
    }
  }

  /**
   * Where a browser of this machine gets in: an address of the file on loopback, or one that is opened for it at a port of
   * the system's. Error: LISTENER_FAILED.
   */
  async local(): Promise<string> {
    this.#local ??= this.#openLocal();
    try {
      return await this.#local;
    } catch (error) {
      this.#local = null;
      throw error;
    }
  }

  async #openLocal(): Promise<string> {
    const known = this.#all.find(({ listener, app }) => app !== null && isLoopback(listener.address));
    if (known !== undefined) return known.place;
    const { localPort } = this.#shared.options;
    const before = localPort?.read() ?? null;
    const one = await this.#openAt(before ?? 0).catch(() => this.#openAt(0));
    if (one.port !== before) localPort?.write(one.port);
    this.#all.push(one);
    this.#say(`${one.place} is open for browsers of this machine ("bascule dashboard")`);
    return one.place;
  }

  async #openAt(port: number): Promise<Opening> {
    const one = new Opening({ address: '127.0.0.1', port, tls: null, names: [] }, this.#shared);
    await one.open();
    return one;
  }

  /** Each as it is now. */
  views(): readonly ListenerView[] {
    return this.#all.map((one) => one.view);
  }

  closeAllConnections(): void {
    for (const { app } of this.#all) app?.server.closeAllConnections();
  }

  async close(): Promise<void> {
    this.#unsubscribe();
    await Promise.all(this.#all.map(async ({ app }) => app?.close()));
  }

  async #openRest(): Promise<void> {
    for (const one of this.#all.filter(({ app }) => app === null)) {
      try {
        await one.open();
        this.#say(`${one.place} is open`);
      } catch (error) {
        this.#say(messageOf(error));
      }
    }
  }

  #say(message: string): void {
    this.#shared.options.onNote?.(message);
  }
}

/** One address, from its file to its server. */
class Opening {
  readonly listener: Listener;
  app: FastifyInstance | null = null;
  readonly #shared: Shared;
  #certificate: X509Certificate | null = null;
  #stamp = '';

  constructor(listener: Listener, shared: Shared) {
    this.listener = listener;
    this.#shared = shared;
  }

  get port(): number {
    const bound = this.app?.server.address();
    return typeof bound === 'object' && bound !== null ? bound.port : this.listener.port;
  }

  get place(): string {
    const { address, tls } = this.listener;
    const { port } = this;
    const host = address.includes(':') ? `[${address}]` : address;
    return `${tls === null ? 'http' : 'https'}://${host}:${port}`;
  }

  get view(): ListenerView {
    const { address, tls, names } = this.listener;
    const isFound = this.app !== null && this.#certificate !== null;
    return {
      url: this.place,
      address,
      port: this.port,
      certificate:
        tls === null
          ? null
          : {
              file: tls.certificate,
              notAfterMs: isFound ? this.#certificate!.validToDate.getTime() : null,
            },
      names,
      isOpen: this.app !== null,
    };
  }

  async open(): Promise<void> {
    const { listener } = this;
    const limits = { ...NETWORK_LIMITS, ...this.#shared.options.networkLimits };
    try {
      const secure = this.#readCertificate();
      const isCertified = (name: string) => this.#certificate?.checkHost(name) !== undefined;
      const entrance = { kind: 'network' as const, listener, isCertified };
      const server = serverWith(secure, limits);
      const app = appFor({ entrance, server, bodyMs: limits.bodyMs }, this.#shared);
      await app.listen({ host: listener.address, port: listener.port });
      this.app = app;
    } catch (cause) {
      throw new OperatingError(
        'LISTENER_FAILED',
        `${this.place} could not be opened: ${messageOf(cause)}. Nobody gets there.`,
        { retryable: false, cause },
      );
    }
  }

  /** Whether there was a new one. */
  refresh(): boolean {
    const { tls } = this.listener;
    if (tls === null || this.app === null || stampOf(tls) === this.#stamp) return false;
    const secure = this.#readCertificate();
    (this.app.server as unknown as { setSecureContext(options: object): void }).setSecureContext(secure!);
    return true;
  }

  #readCertificate(): { readonly cert: Buffer; readonly key: Buffer; readonly minVersion: 'TLSv1.2' } | null {
    const { tls } = this.listener;
    if (tls === null) return null;
    this.#stamp = stampOf(tls);
    const [cert, key] = [readFileSync(tls.certificate), readFileSync(tls.key)];
    const certificate = new X509Certificate(cert);
    this.#certificate = certificate;
    return { cert, key, minVersion: 'TLSv1.2' };
  }
}

function stampOf(tls: NonNullable<Listener['tls']>): string {
  return [tls.certificate, tls.key].map((file) => statSync(file).mtimeMs).join(' ');
}

function serverWith(secure: object | null, limits: NetworkLimits): FastifyServerFactory {
  return (handler) => {
    const times = {
      headersTimeout: limits.headMs,
      requestTimeout: limits.requestMs,
      connectionsCheckingInterval: Math.min(CHECK_MS, limits.headMs),
    };
    const server =
      secure === null
        ? createServer(times, handler)
        : (createTlsServer(
            { ...secure, ...times, handshakeTimeout: limits.headMs },
            handler,
          ) as unknown as Server);
    server.setTimeout(limits.idleMs, (socket) => socket.destroy());
    server.on('clientError', (error, socket) => refuseMalformed(error, socket as Socket));
    boundAddresses(server, limits.mostPerAddress);
    return server;
  };
}

/** One address cannot take every connection. What is on this machine may stand for many: a proxy in front. */
function boundAddresses(server: Server, most: number): void {
  const open = new Map<string, number>();
  server.on('connection', (socket: Socket) => {
    const key = addressKey(socket.remoteAddress ?? '');
    if (isLoopback(key)) return;
    const count = (open.get(key) ?? 0) + 1;
    if (count > most) {
      socket.destroy();
      return;
    }
    open.set(key, count);
    socket.once('close', () => {
      const left = open.get(key)! - 1;
      if (left === 0) open.delete(key);
      else open.set(key, left);
    });
  });
}
