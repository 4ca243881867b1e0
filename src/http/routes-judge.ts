import { z } from 'zod';
import type { JudgeQuery } from '../controller/judge-view.ts';
import { VIEW_SCHEMA } from '../controller/views.ts';
import { judgeAnswer, judgedAnswer } from './answers-judge.ts';
import { seriesAnswer } from './answers-series.ts';
import { route, type Route } from './route.ts';
import { ofRollout, ofService, whole } from './routes-read.ts';

const schema = VIEW_SCHEMA;
/** More changes than there are rules are no question. */
const MOST_CHANGES = 20;

const rules = {
  rules: z
    .enum(['today', 'recorded'])
    .default('today')
    .meta({ description: 'What the service has now, or what the rollout was judged by.' }),
  set: z
    .string()
    .min(1)
    .max(1000)
    .optional()
    .meta({ description: 'Changes on top, with commas between: `error-rate=2pp,p95=off,dwell=2m`.' }),
};

const judgeQuery = z.strictObject(rules);
const betweenQuery = z.strictObject({
  ...rules,
  from: whole.meta({ description: 'Milliseconds since 1970.' }),
  to: whole.meta({ description: 'Milliseconds since 1970.' }),
});

/** Judging the recorded past anew. It changes nothing and leaves no record. */
export const JUDGE_ROUTES: readonly Route[] = [
  route({
    method: 'GET',
    path: '/rollouts/:rollout/judge',
    role: 'viewer',
    summary: 'A rollout judged once more, by its own, today’s or changed rules',
    params: ofRollout,
    query: judgeQuery,
    answer: judgeAnswer,
    handle: async ({ controller, caller, params, query }) => ({
      schema,
      judge: await controller.judge.rollout(params.rollout, { ...asked(query), asker: caller }),
    }),
  }),
  route({
    method: 'GET',
    path: '/rollouts/:rollout/series',
    role: 'viewer',
    summary: 'How a rollout came to its verdict, for plots: at most 240 points',
    params: ofRollout,
    answer: seriesAnswer,
    handle: async ({ controller, params }) => ({
      schema,
      series: await controller.judge.series(params.rollout),
    }),
  }),
  route({
    method: 'GET',
    path: '/services/:service/judge',
    role: 'viewer',
    summary: 'The rollouts of a time, judged once more',
    params: ofService,
    query: betweenQuery,
    answer: judgedAnswer,
    handle: async ({ controller, caller, params, query }) => {
      const time = { fromMs: query.from, toMs: query.to };
      const how = { ...asked(query), asker: caller };
      return { schema, judged: await controller.judge.between(params.service, time, how) };
    },
  }),
];

function asked({ rules, set }: { rules: JudgeQuery['rules']; set?: string | undefined }): JudgeQuery {
  const changes = set === undefined ? [] : set.split(',').slice(0, MOST_CHANGES);
  return { rules, changes };
}
