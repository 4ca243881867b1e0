import type { FastifyReply, FastifyRequest } from 'fastify';
import type { z } from 'zod';
import type { Caller, Controller, Role } from '../controller/controller.ts';
import { OperatingError } from '../lib/errors.ts';
import type { LiveViews } from './live-views.ts';
import type { Noted } from './server.ts';
import type { Streams } from './streams.ts';

export type Method = 'GET' | 'HEAD' | 'POST' | 'PUT' | 'DELETE';

/**
 * What it is about, for tokens that are for some services only: the service or the rollout in its address; the whole
 * server; the services of the caller, which the handler sees to (`own`); nothing of any service (`open`).
 */
export type Reach = 'service' | 'rollout' | 'server' | 'own' | 'open';

/** A route is a value: the server registers it, and openapi.json describes it, from the same table. */
export type Route = {
  readonly method: Method;
  /** Below /api/v1, as fastify writes it: `/services/:service`. */
  readonly path: string;
  /** The least role. */
  readonly role: Role;
  readonly reach: Reach;
  readonly summary: string;
  readonly params: z.ZodType | null;
  readonly query: z.ZodType | null;
  readonly body: z.ZodType | null;
  /** What a 200 holds: JSON of this schema, or a stream of this content type, or nothing. */
  readonly answer: z.ZodType | string | null;
  /** Whether an Idempotency-Key counts. */
  readonly once: boolean;
  /** What the same request again is told, where its answer must not be kept. Absent: the answer. */
  readonly repeated?: (answer: never) => OperatingError;
  handle(context: Context): unknown;
};

/** What every handler gets. Streams write to `reply` themselves. */
export type Context = {
  readonly controller: Controller;
  readonly caller: Caller;
  /** The id of the caller's token, or null. */
  readonly token: string | null;
  readonly views: LiveViews;
  /** For the audit. */
  readonly note: (noted: Noted) => void;
  /** All that there are. */
  readonly routes: readonly Route[];
  readonly request: FastifyRequest;
  readonly reply: FastifyReply;
  readonly streams: Streams;
  /** Whether the caller may still look, for streams. */
  readonly stillHolds: () => boolean;
};

type Asked<P, Q, B> = Context & { readonly params: P; readonly query: Q; readonly body: B };

type Form<P extends z.ZodType, Q extends z.ZodType, B extends z.ZodType> = {
  readonly method: Method;
  readonly path: string;
  readonly role: Role;
  /** Where it is not said, the address says it; without a service or a rollout in it, it is about the server. */
  readonly reach?: Reach;
  readonly summary: string;
  readonly params?: P;
  readonly query?: Q;
  readonly body?: B;
  readonly answer: z.ZodType | string | null;
  handle(asked: Asked<z.infer<P>, z.infer<Q>, z.infer<B>>): unknown;
};

/** Ties a handler to the schemas of what it is given. */
export function route<P extends z.ZodType, Q extends z.ZodType, B extends z.ZodType>(
  form: Form<P, Q, B>,
): Route {
  const { params, query, body } = form;
  return {
    ...form,
    reach: form.reach ?? reachOf(form.path),
    params: params ?? null,
    query: query ?? null,
    body: body ?? null,
    once: form.method !== 'GET' && form.method !== 'HEAD' && !(typeof form.answer === 'string'),
    handle: (context) => {
      const { request } = context;
      return form.handle({
        ...context,
        params: checkPart(params, request.params, 'address') as z.infer<P>,
        query: checkPart(query, request.query, 'query') as z.infer<Q>,
        body: checkPart(body, request.body ?? {}, 'body') as z.infer<B>,
      });
    },
  };
}

function reachOf(path: string): Reach {
  if (path.includes('/:service')) return 'service';
  return path.includes('/:rollout') ? 'rollout' : 'server';
}

const MOST_ISSUES = 10;
const MOST_CHARACTERS = 300;

/** A part of a request as its schema has it. Error: REQUEST_INVALID with what is wrong with it. */
export function checkPart(schema: z.ZodType | undefined, value: unknown, part: string): unknown {
  if (schema === undefined) return undefined;
  const checked = schema.safeParse(value);
  if (checked.success) return checked.data;
  const issues = checked.error.issues
    .slice(0, MOST_ISSUES)
    .map((issue) => cut(`${[part, ...issue.path.map(String)].join('.')}: ${issue.message}`));
  const more = checked.error.issues.length - issues.length;
  throw new OperatingError(
    'REQUEST_INVALID',
    `The request is not valid; nothing changed. ${issues.join('; ')}${more > 0 ? `; and ${more} more` : ''}`,
    { retryable: false },
  );
}

/** Names that the client sent may be in it, as long as they like. */
function cut(text: string): string {
  return text.length <= MOST_CHARACTERS ? text : `${text.slice(0, MOST_CHARACTERS - 1)}…`;
}
