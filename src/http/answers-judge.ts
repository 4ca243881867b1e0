import { z } from 'zod';
import { earlyVerdict, side, verdict, watchVerdict } from './answers-verdict.ts';
import { atMs, percent, rolloutView, schema } from './answers.ts';

const would = z.strictObject({
  act: z.enum(['advance', 'ask', 'pause', 'rollback', 'done']),
  afterSeconds: z.int().meta({ description: 'Into this share.' }),
  candidateRequests: z.number(),
  reason: z.string().nullable().meta({ description: 'Null: surely not worse, or quiet to the end.' }),
});

const stage = z
  .strictObject({
    sharePercent: percent,
    fromMs: atMs,
    judgedSeconds: z.int(),
    verdict: verdict.nullable().meta({ description: 'The last one of this share; null at 100 %.' }),
    early: earlyVerdict.exactOptional().meta({ description: 'Of a part before the first share.' }),
    would: would
      .nullable()
      .meta({ description: 'The first thing that the rules would have done; null: wait, to its end.' }),
  })
  .meta({ id: 'JudgedStage' });

export const judgeView = z
  .strictObject({
    rollout: rolloutView,
    sentence: z.string(),
    rules: z.strictObject({
      which: z.enum(['recorded', 'today', 'changed']),
      lines: z.array(z.string()).readonly(),
      same: z.boolean().meta({ description: 'Whether they are those that it was judged by then.' }),
    }),
    sameVerdict: z.boolean().nullable().meta({
      description: 'Whether all came out again bit for bit; null: under other rules, or nothing to compare.',
    }),
    compared: z.int().meta({ description: 'Recorded words of the judge that were compared.' }),
    different: z.array(z.strictObject({ recorded: z.string(), replayed: z.string() })).readonly(),
    judge: z.strictObject({ recorded: z.int().nullable(), now: z.int() }),
    stages: z.array(stage).readonly(),
    verdict: verdict.nullable(),
    traffic: z.strictObject({ stable: side, candidate: side }).nullable(),
    watch: watchVerdict.nullable(),
    seconds: z.strictObject({ fromMs: atMs, toMs: atMs, judged: z.int(), lost: z.int() }),
  })
  .meta({ id: 'Judge' });

export const judgeAnswer = z.strictObject({ schema, judge: judgeView }).meta({ id: 'JudgeAnswer' });
export const judgedAnswer = z
  .strictObject({ schema, judged: z.array(judgeView).readonly() })
  .meta({ id: 'JudgedAnswer' });
