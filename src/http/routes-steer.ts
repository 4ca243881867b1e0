import type { z } from 'zod';
import { z as schemaOf } from 'zod';
import { VIEW_SCHEMA, type Answered } from '../controller/views.ts';
import { OperatingError } from '../lib/errors.ts';
import { applyAnswer, planAnswer, steerAnswer } from './answers.ts';
import * as bodies from './bodies.ts';
import { route, type Context, type Route } from './route.ts';
import { ofRollout, ofService } from './routes-read.ts';
import { serviceName } from './service-body.ts';

const dryRun = schemaOf.strictObject({
  'dry-run': schemaOf
    .enum(['true', 'false'])
    .default('false')
    .meta({ description: 'Answers what would change, and changes nothing.' }),
});

const ofRelease = schemaOf.strictObject({ service: serviceName, version: bodies.versionLabel });

/** Steering. Each is recorded before it is answered; a refusal changes nothing. */
export const STEER_ROUTES: readonly Route[] = [
  route({
    method: 'PUT',
    path: '/services/:service',
    role: 'operator',
    summary: 'Apply door, scale and policy',
    params: ofService,
    query: dryRun,
    body: bodies.applyBody,
    answer: applyAnswer,
    handle: async ({ controller, caller, params, query, body }) => {
      mustMatch(params.service, body.spec.name);
      const request = { spec: body.spec, dryRun: query['dry-run'] === 'true' };
      return { schema: VIEW_SCHEMA, ...(await controller.steer.apply(request, caller)) };
    },
  }),
  route({
    method: 'POST',
    path: '/services/:service/plan',
    role: 'operator',
    summary: 'What a deploy would do; starts nothing',
    params: ofService,
    body: bodies.planBody,
    answer: planAnswer,
    handle: async ({ controller, caller, params, body }) => {
      mustMatch(params.service, body.spec.name);
      return { schema: VIEW_SCHEMA, plan: await controller.steer.plan(body, caller) };
    },
  }),
  route({
    method: 'POST',
    path: '/services/:service/deploy',
    role: 'operator',
    summary: 'Begin a rollout of an artifact that was uploaded before',
    params: ofService,
    body: bodies.deployBody,
    answer: steerAnswer,
    handle: async ({ controller, caller, params, body }) => {
      mustMatch(params.service, body.spec.name);
      return answered(await controller.steer.deploy(body, caller));
    },
  }),
  route({
    method: 'POST',
    path: '/services/:service/releases/:version/deploy',
    role: 'operator',
    summary: 'Begin a rollout of a version that was made here before, by the plan of now',
    params: ofRelease,
    body: bodies.redeployBody,
    answer: steerAnswer,
    handle: async ({ controller, caller, params, body }) => {
      const { service, version: label } = params;
      return answered(await controller.steer.redeploy({ service, label, ...body }, caller));
    },
  }),
  verb('pause', 'Stop advancing; harm and severe faults still act', bodies.emptyBody, (asked) =>
    asked.controller.steer.pause(asked.service, asked.caller),
  ),
  verb('resume', 'Go on', bodies.emptyBody, (asked) =>
    asked.controller.steer.resume(asked.service, asked.caller),
  ),
  verb(
    'promote',
    'Go to the next step, or to 100 %',
    bodies.promoteBody,
    ({ controller, caller, service, body }) => controller.steer.promote({ service, ...body }, caller),
  ),
  verb('weight', 'Set the share by hand', bodies.weightBody, ({ controller, caller, service, body }) =>
    controller.steer.weight({ service, ...body }, caller),
  ),
  verb('abort', 'All traffic to stable now', bodies.abortBody, ({ controller, caller, service, body }) =>
    controller.steer.abort({ service, ...body }, caller),
  ),
  verb('rollback', 'Back to a good version', bodies.rollbackBody, ({ controller, caller, service, body }) =>
    controller.steer.rollback({ service, ...body }, caller),
  ),
  route({
    method: 'DELETE',
    path: '/services/:service',
    role: 'admin',
    summary: 'Take a service away',
    params: ofService,
    answer: steerAnswer,
    handle: async ({ controller, caller, params }) =>
      answered(await controller.steer.remove(params.service, caller)),
  }),
  route({
    method: 'POST',
    path: '/rollouts/:rollout/retry',
    role: 'operator',
    summary: 'A new rollout of the same release',
    params: ofRollout,
    body: bodies.emptyBody,
    answer: steerAnswer,
    handle: async ({ controller, caller, params }) =>
      answered(await controller.steer.retry(params.rollout, caller)),
  }),
];

/** A verb on a service under its own name. */
function verb<B extends z.ZodType>(
  name: string,
  summary: string,
  body: B,
  act: (asked: Context & { readonly service: string; readonly body: z.infer<B> }) => Promise<Answered>,
): Route {
  return route({
    method: 'POST',
    path: `/services/:service/${name}`,
    role: 'operator',
    summary,
    params: ofService,
    body,
    answer: steerAnswer,
    handle: async ({ params, ...asked }) => answered(await act({ ...asked, service: params.service })),
  });
}

function answered(answer: Answered): Answered & { readonly schema: number } {
  return { schema: VIEW_SCHEMA, ...answer };
}

/** Error: REQUEST_INVALID: who may do it to one service may not name another. */
export function mustMatch(inAddress: string, inBody: string): void {
  if (inAddress === inBody) return;
  throw new OperatingError(
    'REQUEST_INVALID',
    `The address names the service ${inAddress} and the body ${inBody}; nothing changed.`,
    { retryable: false },
  );
}
