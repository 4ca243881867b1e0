import { VIEW_SCHEMA } from '../controller/views.ts';
import { steerAnswer } from './answers.ts';
import * as bodies from './bodies.ts';
import { route, type Route } from './route.ts';
import { ofService } from './routes-read.ts';

/** What people say to what a rollout waits for. Recorded like steering. */
export const AGREE_ROUTES: readonly Route[] = (['approve', 'reject'] as const).map((verb) =>
  route({
    method: 'POST',
    path: `/services/:service/${verb}`,
    role: 'operator',
    summary:
      verb === 'approve'
        ? 'Agree to what the rollout waits for; needs a token, and never one of who started it'
        : 'Say no to it: all traffic back to stable',
    params: ofService,
    body: verb === 'approve' ? bodies.approveBody : bodies.rejectBody,
    answer: steerAnswer,
    handle: async ({ controller, caller, params, body }) => ({
      schema: VIEW_SCHEMA,
      ...(await controller.guard[verb]({ ...params, ...body }, caller)),
    }),
  }),
);
