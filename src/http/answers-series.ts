import { z } from 'zod';
import { atMs, percent, schema } from './answers.ts';
import { checkResult, look, measureResult } from './answers-verdict.ts';

const seriesSide = z.strictObject({ requests: z.int(), failed: z.int() });

const point = z
  .strictObject({
    atMs,
    askedPercent: percent.nullable().meta({ description: 'Null: the second of a change.' }),
    seenPercent: percent.nullable().meta({ description: 'Of the requests since the point before.' }),
    stable: seriesSide,
    candidate: seriesSide,
    overall: z
      .enum(['harmful', 'severe', 'safe', 'suspicious', 'undecided', 'no-data'])
      .nullable()
      .meta({ description: 'Null where there is nothing to compare: before the first share, at 100 %.' }),
    checks: z
      .array(
        checkResult.pick({
          name: true,
          unit: true,
          candidate: true,
          stable: true,
          difference: true,
          interval: true,
          limit: true,
          state: true,
        }),
      )
      .readonly(),
    measures: z
      .array(
        measureResult.pick({
          name: true,
          kind: true,
          limit: true,
          candidate: true,
          stable: true,
          difference: true,
          interval: true,
          state: true,
        }),
      )
      .readonly()
      .exactOptional()
      .meta({ description: 'What is measured elsewhere; absent for none.' }),
    looks: z
      .array(look.pick({ name: true, state: true }))
      .readonly()
      .exactOptional()
      .meta({ description: 'What a judge other than the bets found; absent where those decide.' }),
  })
  .meta({ id: 'SeriesPoint' });

export const seriesAnswer = z
  .strictObject({
    schema,
    series: z.strictObject({
      rollout: z.string(),
      everySeconds: z.int().meta({ description: 'Between two points.' }),
      points: z.array(point).readonly(),
    }),
  })
  .meta({ id: 'SeriesAnswer' });
