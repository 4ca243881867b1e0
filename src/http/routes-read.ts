import { z } from 'zod';
import type { Caller } from '../controller/controller.ts';
import { VIEW_SCHEMA, type RolloutView } from '../controller/views.ts';
import { SLOT_NAMES } from '../release/slot.ts';
import { auditAnswer, chainAnswer } from './answers-audit.ts';
import { releasesAnswer } from './answers-release.ts';
import * as answers from './answers.ts';
import { rolloutId, versionLabel } from './bodies.ts';
import { outOfScope } from './caller.ts';
import { FAREWELL, streamEvents } from './event-stream.ts';
import { streamLogs } from './log-stream.ts';
import { route, type Route } from './route.ts';
import { serverActions } from './server-actions.ts';
import { serviceName } from './service-body.ts';

const schema = VIEW_SCHEMA;
export const ofService = z.strictObject({ service: serviceName });
export const ofRollout = z.strictObject({ rollout: rolloutId });
/** In a query everything is text. */
export const whole = z
  .string()
  .regex(/^\d{1,15}$/, 'is not a whole number')
  .transform(Number);
const flag = z.enum(['true', 'false']).transform((text) => text === 'true');
const limit = whole.pipe(z.int().min(1).max(1000)).default(50);

const historyQuery = z.strictObject({ limit });

const eventsQuery = z.strictObject({
  service: serviceName.optional(),
  rollout: rolloutId.optional(),
  after: whole.optional().meta({
    description:
      'Replay what came after this id; `Last-Event-ID` says the same and comes first. Without: from now on.',
  }),
  views: flag.default(false).meta({
    description:
      'No snapshot but a `ready`, upon which to ask for what is; then a `view` of each service that changed, once a second at most.',
  }),
});

const logsQuery = z.strictObject({
  slot: z.enum(SLOT_NAMES).optional(),
  version: versionLabel.optional(),
  candidate: flag.default(false),
  tail: whole.pipe(z.int().min(0).max(10_000)).default(100),
  follow: flag.default(false),
});

const auditQuery = z.strictObject({
  service: serviceName.optional(),
  since: whole.optional().meta({ description: 'Milliseconds since 1970.' }),
  until: whole.optional().meta({ description: 'Milliseconds since 1970, itself not included.' }),
  actor: z.string().min(1).max(100).optional().meta({ description: 'A part of the name, in any case.' }),
  verb: z
    .string()
    .regex(/^[a-z]+( [a-z]+)?$/, 'is not a verb')
    .max(40)
    .optional()
    .meta({ description: '`deploy`, `lock release`; `lock` for both of its kinds.' }),
  before: whole.optional().meta({ description: 'The `before` of the former page.' }),
  limit,
});

const chainQuery = z.strictObject({
  against: z
    .string()
    .regex(/^[1-9]\d{0,14}:[0-9a-f]{16,64}$/, 'is not SEQ:MAC')
    .optional()
    .meta({ description: '`SEQ:MAC`, as it was printed or logged before; 16 digits of the MAC are enough.' }),
});

/** Looking. None of these acts. */
export const READ_ROUTES: readonly Route[] = [
  route({
    method: 'GET',
    path: '/info',
    role: 'viewer',
    reach: 'open',
    summary: 'The server, who you are to it, and your role',
    answer: answers.infoAnswer,
    handle: ({ controller, caller, token, routes }) => ({
      schema,
      ...serverActions(routes, caller, token),
      role: caller.role,
      actor: caller.actor,
      services: caller.services ?? null,
      info: controller.read.info(),
    }),
  }),
  route({
    method: 'GET',
    path: '/services',
    role: 'viewer',
    reach: 'own',
    summary: 'Every service as it stands',
    answer: answers.servicesAnswer,
    handle: async ({ controller, caller }) => {
      const services = await controller.read.services(caller);
      return { schema, services: services.filter(({ name }) => isFor(caller, name)) };
    },
  }),
  route({
    method: 'GET',
    path: '/services/:service',
    role: 'viewer',
    summary: 'A service as it stands',
    params: ofService,
    answer: answers.serviceAnswer,
    handle: ({ controller, caller, params }) => ({
      schema,
      service: controller.read.service(params.service, caller),
    }),
  }),
  route({
    method: 'GET',
    path: '/services/:service/history',
    role: 'viewer',
    summary: 'Rollouts of a service, newest first',
    params: ofService,
    query: historyQuery,
    answer: answers.historyAnswer,
    handle: ({ controller, caller, params, query }) => {
      controller.read.service(params.service);
      const asked = { service: params.service, limit: query.limit };
      return { schema, rollouts: controller.read.history(asked, caller) };
    },
  }),
  route({
    method: 'GET',
    path: '/services/:service/releases',
    role: 'viewer',
    summary: 'Versions that were made here, newest first, at most 100',
    params: ofService,
    answer: releasesAnswer,
    handle: async ({ controller, params }) => ({
      schema,
      releases: await controller.read.releases(params.service),
    }),
  }),
  route({
    method: 'GET',
    path: '/history',
    role: 'viewer',
    reach: 'own',
    summary: 'Rollouts of all services, removed ones included, newest first',
    query: historyQuery,
    answer: answers.historyAnswer,
    handle: ({ controller, caller, query }) => {
      const { limit: most } = query;
      const of = (service: string | null) => controller.read.history({ service, limit: most }, caller);
      const rollouts = caller.services?.flatMap(of) ?? of(null);
      return { schema, rollouts: rollouts.toSorted(newestFirst).slice(0, most) };
    },
  }),
  route({
    method: 'GET',
    path: '/rollouts/:rollout',
    role: 'viewer',
    summary: 'A rollout, under way or over',
    params: ofRollout,
    answer: answers.rolloutAnswer,
    handle: ({ controller, caller, params }) => ({
      schema,
      rollout: controller.read.rollout(params.rollout, caller),
    }),
  }),
  route({
    method: 'GET',
    path: '/rollouts/:rollout/why',
    role: 'viewer',
    summary: 'The decision of a rollout and everything behind it',
    params: ofRollout,
    answer: answers.whyAnswer,
    handle: ({ controller, caller, params }) => ({
      schema,
      why: controller.read.why(params.rollout, caller),
    }),
  }),
  route({
    method: 'GET',
    path: '/events',
    role: 'viewer',
    reach: 'own',
    summary: 'Server-sent events: a `snapshot`, then an `event` for everything that is recorded',
    query: eventsQuery,
    answer: 'text/event-stream',
    handle: async ({ controller, caller, query, request, reply, streams, views, stillHolds }) => {
      const service = ownService(caller, query.service);
      const afterSeq =
        lastEventId(request.headers['last-event-id']) ?? query.after ?? controller.read.info().lastSeq;
      const outlet = streams.open(reply, 'text/event-stream; charset=utf-8', {
        farewell: FAREWELL,
        stillHolds,
      });
      const filter = { service, rollout: query.rollout ?? null, caller };
      await streamEvents(controller, filter, afterSeq, {
        outlet,
        heartbeatMs: streams.limits.heartbeatMs,
        views: query.views ? views : null,
      });
    },
  }),
  route({
    method: 'GET',
    path: '/services/:service/logs',
    role: 'viewer',
    summary: 'Output of the replicas, a JSON object a line',
    params: ofService,
    query: logsQuery,
    answer: 'application/x-ndjson',
    handle: async ({ controller, params, query, reply, streams, stillHolds }) => {
      controller.read.service(params.service);
      const outlet = streams.open(reply, 'application/x-ndjson; charset=utf-8', { farewell: '', stillHolds });
      const { slot, version, ...rest } = query;
      const asked = { ...rest, service: params.service, slot: slot ?? null, label: version ?? null };
      await streamLogs(controller, asked, outlet);
    },
  }),
  route({
    method: 'GET',
    path: '/audit',
    role: 'viewer',
    reach: 'own',
    summary: 'What people asked for, refused or not, newest first',
    query: auditQuery,
    answer: auditAnswer,
    handle: ({ controller, caller, query }) => {
      const { since = null, until = null, actor = null, verb = null, before = null } = query;
      const service = ownService(caller, query.service);
      if (service === null && caller.services)
        throw outOfScope(caller.services, 'all services; add ?service=');
      const times = { sinceMs: since, untilMs: until, beforeSeq: before };
      const asked = { service, actor, verb, limit: query.limit, ...times };
      return { schema, ...controller.read.audit(asked) };
    },
  }),
  route({
    method: 'GET',
    path: '/audit/chain',
    role: 'operator',
    summary: 'Computes the chain of the journal anew; a long one takes seconds',
    query: chainQuery,
    answer: chainAnswer,
    handle: ({ controller, query }) => {
      const [seq, mac] = query.against?.split(':') ?? [];
      const announced = seq === undefined || mac === undefined ? null : { seq: Number(seq), mac };
      return { schema, ...controller.read.checkChain(announced) };
    },
  }),
  route({
    method: 'GET',
    path: '/metrics',
    role: 'viewer',
    summary: 'For Prometheus',
    answer: 'text/plain',
    handle: async ({ controller, reply }) =>
      reply.type('text/plain; version=0.0.4; charset=utf-8').send(await controller.read.metrics()),
  }),
];

function isFor({ services }: Caller, service: string): boolean {
  return services?.includes(service) ?? true;
}

/** The service that is asked for; where none is, the only one of the caller. Error: TOKEN_SCOPE. */
function ownService(caller: Caller, asked: string | undefined): string | null {
  if (asked !== undefined && !isFor(caller, asked)) throw outOfScope(caller.services ?? [], asked);
  return asked ?? (caller.services?.length === 1 ? caller.services[0]! : null);
}

function newestFirst(one: RolloutView, other: RolloutView): number {
  return other.startedAtMs - one.startedAtMs;
}

function lastEventId(header: string | readonly string[] | undefined): number | null {
  return typeof header === 'string' && /^\d{1,15}$/.test(header) ? Number(header) : null;
}
