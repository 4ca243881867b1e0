import { randomUUID } from 'node:crypto';
import type { IncomingHttpHeaders } from 'node:http';
import fastify, {
  type FastifyInstance,
  type FastifyReply,
  type FastifyRequest,
  type FastifyServerFactory,
} from 'fastify';
import { OperatingError } from '../lib/errors.ts';
import type { Entrance } from './entrance.ts';
import { refuseMalformed } from './malformed.ts';
import { packAnswers } from './packed-answers.ts';
import { addPages } from './page-routes.ts';
import { addSessions } from './session-routes.ts';
import { answer, sendProblem, stream, type Shared } from './respond.ts';
import type { Route } from './route.ts';
import type { Noted } from './server.ts';

export const MOST_BODY_BYTES = 1024 * 1024;
/** On each socket and address. */
export const MOST_CONNECTIONS = 1024;
const UPLOAD_MS = 600_000;

export type Entry = {
  readonly entrance: Entrance;
  /** How its server is made; null: fastify's own, as for sockets. */
  readonly server: FastifyServerFactory | null;
  /** How long a body of JSON may take, milliseconds; null: as long as a request. */
  readonly bodyMs: number | null;
};

/** The API at one entrance. */
export function appFor({ entrance, server, bodyMs }: Entry, shared: Shared): FastifyInstance {
  const app = fastify({
    bodyLimit: MOST_BODY_BYTES,
    exposeHeadRoutes: false,
    return503OnClosing: false,
    forceCloseConnections: 'idle',
    requestTimeout: UPLOAD_MS,
    routerOptions: { maxParamLength: 200 },
    genReqId: ({ headers }: { headers: IncomingHttpHeaders }) => requestId(headers['x-request-id']),
    // An address that cannot be decoded does not get as far as the error handler.
    frameworkErrors: (error, request, reply) => void sendProblem(error, request, reply, shared),
    ...(server === null ? { clientErrorHandler: refuseMalformed } : { serverFactory: server }),
  });
  app.server.maxConnections = MOST_CONNECTIONS;
  // Requests are JSON, and artifacts bytes: a form of another site can send neither.
  app.removeContentTypeParser('text/plain');
  // Artifacts are streamed: their routes bound them.
  app.addContentTypeParser('application/octet-stream', (_request, payload, done) => done(null, payload));
  app.addHook('onRequest', async (request, reply) => {
    if (shared.stopping) {
      reply.header('connection', 'close').header('retry-after', '1').header('x-request-id', request.id);
      throw new OperatingError('SERVER_STOPPING', 'The server is stopping; nothing changed.', {
        retryable: true,
      });
    }
    shared.gate.enter(request, reply, entrance);
  });
  if (bodyMs !== null) boundBodies(app, bodyMs, shared);
  if (entrance.kind === 'network') packAnswers(app);
  app.setErrorHandler(async (error, request, reply) => sendProblem(error, request, reply, shared));
  app.setNotFoundHandler(async (request) => {
    throw notFound(request, shared.routes);
  });
  for (const route of shared.routes) addRoute(app, route, shared);
  addDashboard(app, entrance, shared);
  return app;
}

/** Sockets have no browsers. */
function addDashboard(app: FastifyInstance, entrance: Entrance, shared: Shared): void {
  const { pages } = shared;
  if (entrance.kind !== 'network' || pages === null) return;
  addPages(app, pages);
  addSessions(app, entrance, shared);
}

function addRoute(app: FastifyInstance, route: Route, shared: Shared): void {
  const { gate, streams, views, options, routes } = shared;
  app.route({
    method: route.method,
    url: `/api/v1${route.path}`,
    config: { route },
    onRequest: async (request, reply) => gate.admit(route, request, reply),
    handler: async (request, reply) => {
      const { caller, token, stillHolds } = gate.of(request);
      const { controller } = options;
      const note = (noted: Noted): void => options.onNoted?.(noted);
      const context = { controller, caller, token, request, reply, streams, views, routes, note, stillHolds };
      return typeof route.answer === 'string'
        ? stream(route, context, shared)
        : answer(route, context, shared);
    },
  });
}

/** A body that trickles in is cut off, artifacts aside: they may take as long as a request. */
function boundBodies(app: FastifyInstance, bodyMs: number, shared: Shared): void {
  const late = new WeakMap<FastifyRequest, NodeJS.Timeout>();
  const over = async (request: FastifyRequest): Promise<void> => clearTimeout(late.get(request));
  app.addHook('onRequest', async (request, reply) => {
    if (request.headers['content-type'] === 'application/octet-stream') return;
    late.set(
      request,
      setTimeout(() => refuseSlow(request, reply, shared), bodyMs),
    );
  });
  app.addHook('preValidation', over);
  app.addHook('onResponse', over);
}

function refuseSlow(request: FastifyRequest, reply: FastifyReply, shared: Shared): void {
  if (reply.sent) return;
  const { socket } = request.raw;
  reply.raw.once('finish', () => socket.destroySoon());
  const slow = new OperatingError('REQUEST_TOO_SLOW', 'The body did not come in time; nothing changed.', {
    retryable: true,
  });
  sendProblem(slow, request, reply.header('connection', 'close'), shared);
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

function requestId(header: string | readonly string[] | undefined): string {
  return typeof header === 'string' && /^[\x21-\x7e]{1,128}$/.test(header) ? header : randomUUID();
}
