import { randomUUID } from 'node:crypto';
import type { Socket } from 'node:net';
import type { Readable } from 'node:stream';
import fastify, { type FastifyInstance, type FastifyReply, type FastifyRequest } from 'fastify';
import { ROLES, type Caller, type Controller, type Role } from '../controller/controller.ts';
import type { Clock } from '../lib/clock.ts';
import { messageOf, OperatingError } from '../lib/errors.ts';
import { openapiAnswer } from './answers.ts';
import { callerOf, checkRole } from './caller.ts';
import { digestOf, Idempotency, idempotencyKey, type IdempotencyStore, type Reply } from './idempotency.ts';
import { openapiOf } from './openapi.ts';
import { nowOf, problemOf } from './problem.ts';
import { route, type Context, type Route } from './route.ts';
import { artifactRoutes } from './routes-artifacts.ts';
import { backupRoutes } from './routes-backup.ts';
import { JUDGE_ROUTES } from './routes-judge.ts';
import { READ_ROUTES } from './routes-read.ts';
import { GUARD_ROUTES } from './routes-guard.ts';
import { MEASURE_ROUTES } from './routes-measure.ts';
import { STEER_ROUTES } from './routes-steer.ts';
import { listenOn, type Listening, prepareSockets, socketPath } from './sockets.ts';
import { STREAM_LIMITS, Streams, type StreamLimits } from './streams.ts';

const MOST_BODY_BYTES = 1024 * 1024;
const MOST_ARTIFACT_BYTES = 1024 * 1024 * 1024;
/** On each socket. */
const MOST_CONNECTIONS = 1024;

export type ApiOptions = {
  readonly controller: Controller;
  readonly idempotency: IdempotencyStore;
  /** Where viewer.sock, operator.sock and admin.sock go: `<stateDir>/sockets`. */
  readonly socketDirectory: string;
  readonly version: string;
  readonly clock: Clock;
  /** Told about every bug, with the id of its request. */
  readonly onBug: (error: unknown, requestId: string) => void;
  /** Told about everything that a role did not allow. */
  readonly onDenied?: (denied: Denied) => void;
  readonly mostArtifactBytes?: number;
  /** Begins a backup. */
  readonly backup?: () => Readable;
  readonly streams?: Partial<StreamLimits>;
};

export type Denied = {
  readonly caller: Caller;
  /** As people call it. */
  readonly verb: string;
  readonly service: string | null;
  readonly why: string;
};

export type Api = {
  /** Opens the sockets. Errors: SOCKET_IN_USE, SOCKET_FAILED; then none is open. */
  start(): Promise<void>;
  /** Gives sockets that were deleted their names again; `lost` where that cannot be. Never throws. */
  mend(): Promise<'whole' | 'mended' | 'lost'>;
  /** Takes no new requests, ends the streams, lets the others finish for at most `graceMs`. */
  stop(graceMs: number): Promise<void>;
};

/** The API on its three sockets. Which one a request comes through is its role. */
export function createApi(options: ApiOptions): Api {
  const shared: Shared = {
    options,
    routes: allRoutes(options),
    streams: new Streams({ ...STREAM_LIMITS, ...options.streams }),
    idempotency: new Idempotency(options.idempotency, () => options.clock.nowMs()),
    stopping: false,
  };
  const apps = ROLES.map((role) => ({ role, app: appFor(role, shared) }));
  const open: Listening[] = [];
  const close = async () => {
    const removed = await Promise.allSettled(open.map(({ undo }) => undo()));
    await Promise.all(apps.map(({ app }) => app.close()));
    for (const result of removed) if (result.status === 'rejected') throw result.reason;
  };
  return {
    start: async () => {
      await prepareSockets(options.socketDirectory);
      try {
        for (const { role, app } of apps) {
          const path = socketPath(options.socketDirectory, role);
          open.push(await listenOn((own) => app.listen({ path: own }), path));
        }
      } catch (error) {
        await close();
        throw error;
      }
    },
    mend: async () => {
      const found = await Promise.all(open.map(({ mend }) => mend().catch(() => 'lost' as const)));
      return found.includes('lost') ? 'lost' : found.includes('mended') ? 'mended' : 'whole';
    },
    stop: async (graceMs) => {
      shared.stopping = true;
      shared.streams.endAll();
      const late = setTimeout(() => {
        for (const { app } of apps) app.server.closeAllConnections();
      }, graceMs);
      try {
        await close();
      } finally {
        clearTimeout(late);
      }
    },
  };
}

/** Every route, openapi.json included. */
export function allRoutes(
  options: Pick<ApiOptions, 'version' | 'mostArtifactBytes' | 'backup'>,
): readonly Route[] {
  const routes = [
    ...READ_ROUTES,
    ...JUDGE_ROUTES,
    ...STEER_ROUTES,
    ...GUARD_ROUTES,
    ...MEASURE_ROUTES,
    ...artifactRoutes(options.mostArtifactBytes ?? MOST_ARTIFACT_BYTES),
    ...backupRoutes(options.backup),
  ];
  let document: unknown;
  const described: Route = route({
    method: 'GET',
    path: '/openapi.json',
    role: 'viewer',
    summary: 'This description',
    answer: openapiAnswer,
    handle: (): unknown => {
      document ??= openapiOf([...routes, described], options.version);
      return document;
    },
  });
  return [...routes, described];
}

type Shared = {
  readonly options: ApiOptions;
  readonly routes: readonly Route[];
  readonly streams: Streams;
  readonly idempotency: Idempotency;
  stopping: boolean;
};

function appFor(role: Role, shared: Shared): FastifyInstance {
  const app = fastify({
    bodyLimit: MOST_BODY_BYTES,
    exposeHeadRoutes: false,
    return503OnClosing: false,
    forceCloseConnections: 'idle',
    requestTimeout: 600_000,
    routerOptions: { maxParamLength: 200 },
    genReqId: (request) => requestId(request.headers['x-request-id']),
    // An address that cannot be decoded does not get as far as the error handler.
    frameworkErrors: (error, request, reply) => void sendProblem(error, request, reply, shared),
    clientErrorHandler: refuseMalformed,
  });
  app.server.maxConnections = MOST_CONNECTIONS;
  const { controller } = shared.options;
  // Artifacts are streamed: their routes bound them.
  app.addContentTypeParser('application/octet-stream', (_request, payload, done) => done(null, payload));
  app.addHook('onRequest', async (request, reply) => {
    reply.header('x-request-id', request.id);
    if (shared.stopping) {
      reply.header('connection', 'close').header('retry-after', '1');
      throw new OperatingError('SERVER_STOPPING', 'The server is stopping; nothing changed.', {
        retryable: true,
      });
    }
  });
  app.setErrorHandler(async (error, request, reply) => sendProblem(error, request, reply, shared));
  app.setNotFoundHandler(async (request) => {
    throw notFound(request, shared.routes);
  });
  for (const route of shared.routes) {
    app.route({
      method: route.method,
      url: `/api/v1${route.path}`,
      // Before the body is read: who may not ask does not get to send.
      onRequest: async (request) => admit(route, request, role, shared),
      handler: async (request, reply) => {
        const caller = callerOf(request, role);
        const context = { controller, caller, request, reply, streams: shared.streams };
        return typeof route.answer === 'string'
          ? stream(route, context, shared)
          : answer(route, context, shared);
      },
    });
  }
  return app;
}

/** Error: ROLE_TOO_LOW, which somebody is told about. */
function admit(route: Route, request: FastifyRequest, role: Role, shared: Shared): void {
  const caller = callerOf(request, role);
  try {
    checkRole(route, caller);
  } catch (error) {
    const { service } = (request.params ?? {}) as { readonly service?: string };
    const known = service !== undefined && /^[a-z][a-z0-9-]{0,39}$/.test(service) ? service : null;
    const why = messageOf(error);
    shared.options.onDenied?.({ caller, verb: verbOf(route), service: known, why });
    throw error;
  }
}

/** Names of verbs that are not the last word of their address. */
const VERBS: Readonly<Record<string, string>> = {
  'PUT :service': 'apply',
  'DELETE :service': 'remove',
  'PUT :digest': 'upload',
  'POST lock': 'lock acquire',
  'POST unlock': 'lock release',
  'GET chain': 'audit verify',
};

function verbOf({ method, path }: Route): string {
  const word = path.split('/').at(-1)!;
  return VERBS[`${method} ${word}`] ?? word;
}

function notFound({ method, url }: FastifyRequest, routes: readonly Route[]): OperatingError {
  const path = url.split('?')[0]!;
  const methods = routes.filter((each) => patternOf(each).test(path)).map((each) => each.method);
  return methods.length === 0
    ? new OperatingError('ROUTE_UNKNOWN', `${method} ${url} is not part of the API.`, { retryable: false })
    : new OperatingError(
        'METHOD_NOT_ALLOWED',
        `${method} means nothing for ${path}, which takes ${methods.join(', ')}; nothing changed.`,
        { retryable: false },
      );
}

function patternOf({ path }: Route): RegExp {
  return new RegExp(`^/api/v1${path.replaceAll('.', '[.]').replaceAll(/:\w+/g, '[^/]+')}$`);
}

/** What is no HTTP gets a problem as well, and the connection ends. */
function refuseMalformed(error: Error & { readonly code?: string }, socket: Socket): void {
  if (!socket.writable || error.code === 'ECONNRESET') {
    socket.destroy();
    return;
  }
  const known = new OperatingError('REQUEST_INVALID', 'This is no request of HTTP/1.1; nothing changed.', {
    retryable: false,
  });
  const body = JSON.stringify({ ...problemOf(known), requestId: randomUUID(), now: null });
  socket.end(
    `HTTP/1.1 400 Bad Request\r\nContent-Type: application/problem+json; charset=utf-8\r\nContent-Length: ${Buffer.byteLength(body)}\r\nConnection: close\r\n\r\n${body}`,
  );
}

async function answer(route: Route, context: Context, shared: Shared): Promise<unknown> {
  const { request, reply, caller } = context;
  const key = route.once ? idempotencyKey(request.headers['idempotency-key']) : null;
  if (key === null) return route.handle(context);
  const { method, url, body } = request;
  const digest = digestOf({ method, url, role: caller.role, actor: caller.actor, body: body ?? null });
  // The effect and the fact that it was this request's are recorded together.
  const asked = { ...context, caller: { ...caller, once: { key, request: digest } } };
  const { status, body: answered } = await shared.idempotency.once(key, digest, () =>
    outcome(route, asked, shared),
  );
  return reply
    .code(status)
    .type(status === 200 ? 'application/json; charset=utf-8' : 'application/problem+json; charset=utf-8')
    .send(answered);
}

/** An answer or a problem as data, to be kept. */
async function outcome(route: Route, context: Context, shared: Shared): Promise<Reply & { keep: boolean }> {
  try {
    return { status: 200, body: await route.handle(context), keep: true };
  } catch (error) {
    const problem = fullProblem(error, context.request, shared);
    const { status, retryable } = problem;
    return { status, body: problem, keep: status > 400 && status < 500 && !retryable };
  }
}

/** Once a stream has begun there is no status left to say a failure with: the client sees it break off. */
async function stream(route: Route, context: Context, shared: Shared): Promise<unknown> {
  try {
    return await route.handle(context);
  } catch (error) {
    if (!context.reply.raw.headersSent) throw error;
    shared.options.onBug(error, context.request.id);
    context.reply.raw.destroy();
    return context.reply;
  }
}

function sendProblem(
  error: unknown,
  request: FastifyRequest,
  reply: FastifyReply,
  shared: Shared,
): FastifyReply {
  const problem = fullProblem(error, request, shared);
  return reply.code(problem.status).type('application/problem+json; charset=utf-8').send(problem);
}

function fullProblem(error: unknown, request: FastifyRequest, shared: Shared) {
  const problem = problemOf(error);
  if (problem.status === 500) shared.options.onBug(error, request.id);
  const { service } = (request.params ?? {}) as { readonly service?: string };
  return { ...problem, requestId: request.id, now: nowOf(shared.options.controller, service ?? null) };
}

function requestId(header: string | readonly string[] | undefined): string {
  return typeof header === 'string' && /^[\x21-\x7e]{1,128}$/.test(header) ? header : randomUUID();
}
