import type { FastifyReply, FastifyRequest } from 'fastify';
import type { Caller } from '../controller/controller.ts';
import { messageOf, OperatingError } from '../lib/errors.ts';
import { checkRole, checkScope, identify, TokenRefused, type Identified } from './caller.ts';
import { checkBrowser, type Entrance } from './entrance.ts';
import { addressKey, plainAddress, Rates, tooMany } from './rates.ts';
import { isPage } from './page-routes.ts';
import type { Route } from './route.ts';
import { isLogin } from './session-routes.ts';
import type { Sessions } from './sessions.ts';
import { SECURITY_HEADERS, STRICT_TRANSPORT } from './security-headers.ts';
import type { ApiOptions } from './server.ts';
import { verbOf } from './verb-names.ts';

/** For each token: somebody's loop must not keep the server from everybody else. */
export const REQUESTS = { burst: 200, perSecond: 20 };
/** For each address: what is wrong with a token is looked up, told and logged only so often. */
export const FAILURES = { burst: 20, perSecond: 0.2 };

/** Who was let in with what, before a body is read: who may not ask does not get to send. */
export class Gate {
  readonly #options: ApiOptions;
  readonly #sessions: Sessions;
  readonly #requests: Rates;
  readonly #failures: Rates;
  readonly #identified = new WeakMap<FastifyRequest, Identified>();
  readonly #admitted = new WeakSet<FastifyRequest>();

  constructor(options: ApiOptions, sessions: Sessions) {
    this.#options = options;
    this.#sessions = sessions;
    const nowMs = () => options.clock.monotonicMs();
    this.#requests = new Rates(options.rates?.requests ?? REQUESTS, nowMs);
    this.#failures = new Rates(options.rates?.failures ?? FAILURES, nowMs);
  }

  /** Whatever is asked for. Errors: those of `identify` and `checkBrowser`, REQUESTS_TOO_MANY. */
  enter(request: FastifyRequest, reply: FastifyReply, entrance: Entrance): void {
    reply.headers({ ...SECURITY_HEADERS, 'x-request-id': request.id });
    if (entrance.kind === 'network') {
      if (entrance.listener.tls !== null) reply.header('strict-transport-security', STRICT_TRANSPORT);
      this.#orClose(reply, () => checkBrowser(request, entrance));
    }
    // Pages are the same for everybody, and whoever logs in is nobody yet.
    if (isPage(request) || isLogin(request)) return;
    const identified = this.#orClose(reply, () => this.#identify(request, reply, entrance));
    this.#identified.set(request, identified);
    if (entrance.kind === 'network')
      this.#orClose(reply, () => this.#take(this.#requests, identified.counted, reply));
  }

  /** What is asked for. Errors: those of `checkScope` and `checkRole`, which somebody is told about. */
  admit(route: Route, request: FastifyRequest, reply: FastifyReply): void {
    const { caller, token } = this.of(request);
    const { read } = this.#options.controller;
    try {
      this.#orClose(reply, () => checkScope(route, caller, { params: request.params, read }));
      this.#admitted.add(request);
      this.#orClose(reply, () => checkRole(route, caller, token));
    } catch (error) {
      this.#tell(caller, error, { route, request });
      throw error;
    }
  }

  of(request: FastifyRequest): Identified {
    return this.#identified.get(request)!;
  }

  /** Whether it may be told what is true of the service that it asks about. */
  isAdmitted(request: FastifyRequest): boolean {
    return this.#admitted.has(request);
  }

  /** Whose token it is that somebody logs in with. Error: TOKEN_REFUSED. */
  tokenOf(text: string, request: FastifyRequest): { readonly id: string } {
    const checked = this.#options.controller.tokens.check(text);
    if (checked.ok) return checked;
    const { known, why } = checked;
    const from = `${plainAddress(request.socket.remoteAddress ?? 'unknown')}, token ${known?.id}`;
    throw new TokenRefused(why, known === null ? null : { actor: known.name, role: known.role, from });
  }

  /** What is wrong with a login counts against its address, as a wrong token does. */
  async orCounted<T>(request: FastifyRequest, reply: FastifyReply, check: () => Promise<T>): Promise<T> {
    try {
      return await check();
    } catch (error) {
      this.count(request, reply);
      throw error;
    }
  }

  /** Of what strangers may ask. Error: REQUESTS_TOO_MANY. */
  count(request: FastifyRequest, reply: FastifyReply): void {
    this.#take(this.#failures, addressKey(request.socket.remoteAddress ?? ''), reply);
  }

  #identify(request: FastifyRequest, reply: FastifyReply, entrance: Entrance): Identified {
    try {
      const { tokens } = this.#options.controller;
      return identify(request, entrance, { tokens, sessions: this.#sessions });
    } catch (error) {
      if (entrance.kind === 'socket' && !(error instanceof TokenRefused)) throw error;
      reply.header('www-authenticate', 'Bearer realm="bascule"');
      this.#take(this.#failures, addressKey(request.socket.remoteAddress ?? ''), reply);
      if (error instanceof TokenRefused && error.whose !== null)
        this.#tell(error.whose, error, { route: routeOf(request), request });
      throw error;
    }
  }

  #take(rates: Rates, key: string, reply: FastifyReply): void {
    const seconds = rates.take(key);
    if (seconds > 0) throw tooMany(seconds, reply);
  }

  /** What else comes over the connection, a body above all, is not waited for. */
  #orClose<T>(reply: FastifyReply, check: () => T): T {
    try {
      return check();
    } catch (error) {
      const { headers } = reply.request;
      if (headers['transfer-encoding'] !== undefined || Number(headers['content-length'] ?? 0) > 0)
        reply.header('connection', 'close');
      throw error;
    }
  }

  #tell(
    caller: Caller,
    error: unknown,
    { route, request }: { readonly route: Route | null; readonly request: FastifyRequest },
  ): void {
    if (!(error instanceof OperatingError)) return;
    const { service } = (request.params ?? {}) as { readonly service?: string };
    const known = service !== undefined && /^[a-z][a-z0-9-]{0,39}$/.test(service) ? service : null;
    const verb = route === null ? 'unknown' : verbOf(route);
    this.#options.onDenied?.({ caller, verb, service: known, code: error.code, why: messageOf(error) });
  }
}

function routeOf(request: FastifyRequest): Route | null {
  const { route } = request.routeOptions.config as { readonly route?: Route };
  return route ?? null;
}
