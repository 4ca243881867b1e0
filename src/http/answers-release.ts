import { z } from 'zod';
import { atMs, outcome, schema } from './answers.ts';

const releaseView = z
  .strictObject({
    label: z.string(),
    createdAtMs: atMs,
    createdBy: z.string(),
    artifactDigest: z.string().nullable(),
    role: z
      .enum(['free', 'stable', 'candidate', 'kept', 'leaving'])
      .nullable()
      .meta({ description: 'What it is in its slot now; null: it is in none.' }),
    last: z
      .strictObject({
        rollout: z.string(),
        startedAtMs: atMs,
        outcome: outcome.nullable().meta({ description: 'Null: under way.' }),
      })
      .nullable(),
    isKept: z
      .boolean()
      .meta({ description: 'Whether what it is made of is still there: without it, it cannot be deployed.' }),
  })
  .meta({ id: 'Release' });

export const releasesAnswer = z
  .strictObject({ schema, releases: z.array(releaseView).readonly() })
  .meta({ id: 'ReleasesAnswer' });
