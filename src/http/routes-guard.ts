import { VIEW_SCHEMA, type Answered } from '../controller/views.ts';
import { steerAnswer } from './answers.ts';
import * as bodies from './bodies.ts';
import { route, type Route } from './route.ts';
import { ofService } from './routes-read.ts';

/** Locks and freezes. Recorded like steering. */
export const GUARD_ROUTES: readonly Route[] = [
  route({
    method: 'POST',
    path: '/services/:service/lock',
    role: 'operator',
    summary: 'Lock a service: nobody else starts or promotes',
    params: ofService,
    body: bodies.lockBody,
    answer: steerAnswer,
    handle: async ({ controller, caller, params, body }) =>
      answered(await controller.guard.lock({ ...params, ...body }, caller)),
  }),
  route({
    method: 'POST',
    path: '/services/:service/unlock',
    role: 'operator',
    summary: 'Release the lock of a service',
    params: ofService,
    body: bodies.unlockBody,
    answer: steerAnswer,
    handle: async ({ controller, caller, params, body }) =>
      answered(await controller.guard.unlock({ ...params, ...body }, caller)),
  }),
  route({
    method: 'POST',
    path: '/services/:service/freeze',
    role: 'operator',
    summary: 'Freeze a service: nothing starts',
    params: ofService,
    body: bodies.freezeBody,
    answer: steerAnswer,
    handle: async ({ controller, caller, params, body }) =>
      answered(await controller.guard.freeze({ ...params, ...body }, caller)),
  }),
  route({
    method: 'POST',
    path: '/services/:service/unfreeze',
    role: 'operator',
    summary: 'Lift the freezes that people have put on a service',
    params: ofService,
    body: bodies.emptyBody,
    answer: steerAnswer,
    handle: async ({ controller, caller, params }) =>
      answered(await controller.guard.unfreeze(params.service, caller)),
  }),
  route({
    method: 'POST',
    path: '/freeze',
    role: 'operator',
    summary: 'Freeze every service, those that come later included',
    body: bodies.freezeBody,
    answer: steerAnswer,
    handle: async ({ controller, caller, body }) =>
      answered(await controller.guard.freeze({ service: null, ...body }, caller)),
  }),
  route({
    method: 'POST',
    path: '/unfreeze',
    role: 'operator',
    summary: 'Lift the freezes that people have put on every service',
    body: bodies.emptyBody,
    answer: steerAnswer,
    handle: async ({ controller, caller }) => answered(await controller.guard.unfreeze(null, caller)),
  }),
];

function answered(answer: Answered): Answered & { readonly schema: number } {
  return { schema: VIEW_SCHEMA, ...answer };
}
