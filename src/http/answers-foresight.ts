import { z } from 'zod';

/** What a plan foresees, as a schema. */

const percent = z.number().min(0).max(100);

const foreseenCheck = z.strictObject({
  name: z.string(),
  unit: z.enum(['pp', '%']).meta({ description: 'Percentage points, or percent of stable.' }),
  foundAtLeast: z
    .number()
    .nullable()
    .meta({ description: 'Smallest fault found within the shortest dwell; null: none.' }),
  foundAtMost: z.number().nullable().meta({ description: 'The same within the longest dwell.' }),
  safeAfterSeconds: z
    .number()
    .nullable()
    .meta({ description: 'Until a candidate like stable is shown to be not worse; null: not in this step.' }),
});

export const foresight = z
  .strictObject({
    traffic: z
      .strictObject({
        hours: z.number(),
        perSecond: z.number().meta({ description: 'Requests, or people who are new.' }),
        unit: z.enum(['request', 'identity']),
        bestCase: z.boolean().meta({ description: 'Every request was taken for a new person.' }),
        errorPercent: percent,
      })
      .nullable()
      .meta({ description: 'Null: nothing was counted in that time.' }),
    steps: z
      .array(
        z.strictObject({
          sharePercent: percent,
          atLeastSeconds: z.number(),
          atMostSeconds: z.number(),
          candidatePerMinute: z.number(),
          checks: z.array(foreseenCheck).readonly(),
        }),
      )
      .readonly(),
    faults: z
      .array(
        z.strictObject({
          fault: z.string(),
          foundAfterSeconds: z.number().nullable().meta({ description: 'Null: not before 100 %.' }),
          sharePercent: percent.nullable(),
          hit: z.number().nullable().meta({ description: 'Requests or people that it hits by then.' }),
        }),
      )
      .readonly(),
    hanging: z.strictObject({
      proxy: z.string(),
      silenceSeconds: z
        .number()
        .meta({ description: 'After which a request without an answer counts as failed.' }),
      foundAfterSeconds: z.number().nullable(),
    }),
    advice: z.array(z.string()).readonly(),
  })
  .meta({ id: 'Foresight' });

export const planView = z.strictObject({
  id: z.string().nullable(),
  service: z.string(),
  label: z.string(),
  from: z.string().nullable(),
  lines: z.array(z.string()).readonly(),
  warnings: z.array(z.string()).readonly(),
  foresight: foresight.nullable(),
  changes: z.boolean(),
  obstacles: z.array(z.string()).readonly(),
});
