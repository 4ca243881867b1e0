import type { FastifyReply, FastifyRequest } from 'fastify';
import type { Gate } from './gate.ts';
import { digestOf, idempotencyKey, type Idempotency, type Outcome } from './idempotency.ts';
import { nowOf, problemOf } from './problem.ts';
import type { Context, Route } from './route.ts';
import type { LiveViews } from './live-views.ts';
import type { OidcLogins } from './oidc-logins.ts';
import type { Pages } from './pages.ts';
import type { ApiOptions } from './server.ts';
import type { Sessions } from './sessions.ts';
import type { Streams } from './streams.ts';

/** What every entrance shares. */
export type Shared = {
  readonly options: ApiOptions;
  readonly routes: readonly Route[];
  readonly streams: Streams;
  readonly idempotency: Idempotency;
  readonly gate: Gate;
  readonly views: LiveViews;
  readonly sessions: Sessions;
  /** Logins by a provider; null: there are none. */
  readonly oidc: OidcLogins | null;
  /** The dashboard; null: there is none. */
  readonly pages: Pages | null;
  stopping: boolean;
};

export async function answer(route: Route, context: Context, shared: Shared): Promise<unknown> {
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
async function outcome(route: Route, context: Context, shared: Shared): Promise<Outcome> {
  try {
    const body = await route.handle(context);
    const told = route.repeated?.(body as never);
    if (told === undefined) return { status: 200, body, keep: true };
    const problem = fullProblem(told, context.request, shared);
    return { status: 200, body, keep: true, instead: { status: problem.status, body: problem } };
  } catch (error) {
    const problem = fullProblem(error, context.request, shared);
    const { status, retryable } = problem;
    return { status, body: problem, keep: status > 400 && status < 500 && !retryable };
  }
}

/** Once a stream has begun there is no status left to say a failure with: the client sees it break off. */
export async function stream(route: Route, context: Context, shared: Shared): Promise<unknown> {
  try {
    return await route.handle(context);
  } catch (error) {
    if (!context.reply.raw.headersSent) throw error;
    shared.options.onBug(error, context.request.id);
    context.reply.raw.destroy();
    return context.reply;
  }
}

export function sendProblem(
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
  const known = shared.gate.isAdmitted(request) && service !== undefined;
  const { controller } = shared.options;
  const now = known ? nowOf(controller, service, shared.gate.of(request).caller) : null;
  return { ...problem, requestId: request.id, now };
}
