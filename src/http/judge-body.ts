import { z } from 'zod';

/** Another judge than the bets, as it comes with a service. */

const measure = z.string().regex(/^[a-z][a-z0-9.-]{0,39}$/, 'is not the name of a measure');
const duration = z
  .int()
  .min(1000)
  .max(14 * 86_400_000);
const limit = z.number().nullable();
const effect = z.number().min(0).max(1000);
const score = z.int().min(0).max(100);

const limitsRule = z.strictObject({
  use: z.literal('limits'),
  everyMs: duration,
  failureLimit: z.int().min(0).max(1000),
  noData: z.enum(['fail', 'skip']),
  limits: z
    .array(
      z
        .strictObject({ measure, max: limit, min: limit })
        .refine(({ max, min }) => max !== null || min !== null, 'limits nothing'),
    )
    .min(1)
    .max(50)
    .readonly(),
});

const kayentaRule = z
  .strictObject({
    use: z.literal('kayenta'),
    everyMs: duration,
    judgeEveryMs: duration,
    lookbackMs: duration.nullable(),
    pass: score,
    marginal: score,
    groups: z.record(measure, z.number().min(0).max(100)).readonly(),
    metrics: z
      .array(
        z.strictObject({
          measure,
          group: measure,
          direction: z.enum(['increase', 'decrease', 'either']),
          critical: z.boolean(),
          mustHaveData: z.boolean(),
          nan: z.enum(['remove', 'replace']),
          outliers: z.enum(['keep', 'remove']),
          outlierFactor: effect,
          effect: z.enum(['mean-ratio', 'cles']),
          allowedIncrease: effect,
          allowedDecrease: effect,
          criticalIncrease: effect,
          criticalDecrease: effect,
        }),
      )
      .min(1)
      .max(50)
      .readonly(),
  })
  .refine(({ pass, marginal }) => marginal < pass, 'has a marginal score that is not below pass');

export const otherJudge = z.discriminatedUnion('use', [limitsRule, kayentaRule]);
