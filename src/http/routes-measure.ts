import { VIEW_SCHEMA } from '../controller/views.ts';
import { measureChecksAnswer, pushAnswer } from './answers-measure.ts';
import * as bodies from './bodies.ts';
import { pushBody } from './push-body.ts';
import { route, type Route } from './route.ts';
import { ofService } from './routes-read.ts';
import { mustMatch } from './routes-steer.ts';

/** What applications say of themselves, and whether sources can be asked. Neither is recorded: it changes no rollout by itself. */
export const MEASURE_ROUTES: readonly Route[] = [
  route({
    method: 'POST',
    path: '/services/:service/measures',
    role: 'operator',
    summary: 'What a version counted since it last said so',
    params: ofService,
    body: pushBody,
    answer: pushAnswer,
    handle: ({ controller, params, body }) => {
      const values = Object.entries(body.measures).map(([name, value]) =>
        typeof value === 'number' ? { name, sum: value, count: value } : { name, ...value },
      );
      controller.measures.push({ service: params.service, version: body.version, values });
      return { schema: VIEW_SCHEMA, taken: values.length };
    },
  }),
  route({
    method: 'POST',
    path: '/services/:service/measures/check',
    role: 'operator',
    summary: 'Reach the sources of the measures of a service; changes nothing',
    params: ofService,
    body: bodies.applyBody,
    answer: measureChecksAnswer,
    handle: async ({ controller, params, body }) => {
      mustMatch(params.service, body.spec.name);
      return { schema: VIEW_SCHEMA, measures: await controller.measures.check(body.spec) };
    },
  }),
];
