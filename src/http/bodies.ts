import { z } from 'zod';
import { serviceSpec, sharePercent } from './service-body.ts';

/** What clients send besides a service. Strict: what the server does not know, it does not take. */

export const versionLabel = z
  .string()
  .regex(/^[A-Za-z0-9][A-Za-z0-9._+-]{0,99}$/, 'is not a version')
  .meta({ description: 'A version: letters, digits and . _ + -, at most 100 characters.' });

export const artifactDigest = z
  .string()
  .regex(/^[0-9a-f]{64}$/, 'is not a sha256 in hex')
  .meta({ description: 'sha256 of the packed artifact, 64 lowercase hex digits.' });

/** Null where somebody else runs the service, so that a version is nothing but its label. */
const ofVersion = artifactDigest.nullable();

export const rolloutId = z
  .string()
  .regex(/^r-[A-Za-z0-9._-]{1,100}$/, 'is not the id of a rollout')
  .meta({ description: '`r-0193`.' });

export const planBody = z
  .strictObject({ spec: serviceSpec, label: versionLabel, artifactDigest: ofVersion })
  .meta({ id: 'PlanBody' });

export const deployBody = z
  .strictObject({
    spec: serviceSpec,
    label: versionLabel,
    artifactDigest: ofVersion,
    supersede: z.boolean().default(false),
    planId: z
      .string()
      .regex(/^p-[A-Za-z0-9-]{1,40}$/, 'is not the id of a plan')
      .nullable()
      .default(null),
  })
  .meta({ id: 'DeployBody' });

export const applyBody = z.strictObject({ spec: serviceSpec }).meta({ id: 'ApplyBody' });

export const promoteBody = z
  .strictObject({
    fromStep: z.int().min(0).max(1000).nullable().default(null).meta({
      description: 'The `stepIndex` that was seen; already past it is nothing to do. Null: whatever it is.',
    }),
    full: z.boolean().default(false),
  })
  .meta({ id: 'PromoteBody' });

export const weightBody = z
  .strictObject({
    percent: sharePercent,
    beyondPlan: z.boolean().default(false).meta({ description: 'Whether a share above the plan is meant.' }),
  })
  .meta({ id: 'WeightBody' });

export const abortBody = z
  .strictObject({
    rollout: rolloutId
      .nullable()
      .default(null)
      .meta({ description: 'Only this one; null: whichever is under way.' }),
  })
  .meta({ id: 'AbortBody' });

export const rollbackBody = z
  .strictObject({
    label: versionLabel.nullable().default(null).meta({ description: 'Null: the last good version.' }),
  })
  .meta({ id: 'RollbackBody' });

export const emptyBody = z.strictObject({}).meta({ id: 'EmptyBody' });
