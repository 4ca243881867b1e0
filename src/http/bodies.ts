import { z } from 'zod';
import { printable } from '../release/problem.ts';
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

/** Shown in many places, some of them not ours: it is one line, and can steer no terminal. */
const reason = z
  .string()
  .trim()
  .min(1, 'is empty')
  .max(500)
  .transform(printable)
  .meta({ description: 'Why, in a sentence of at most 500 characters; it is kept in the audit.' });
/** A year is longer than anybody means. */
const forMs = z
  .int()
  .min(1000)
  .max(366 * 86_400_000)
  .meta({ description: 'Milliseconds from now on.' });
const overrideFreeze = reason
  .nullable()
  .default(null)
  .meta({ description: 'Why a freeze is overridden; null: it is not.' });

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
    overrideFreeze,
  })
  .meta({ id: 'DeployBody' });

export const redeployBody = z
  .strictObject({ supersede: z.boolean().default(false), overrideFreeze })
  .meta({ id: 'RedeployBody' });

export const applyBody = z.strictObject({ spec: serviceSpec }).meta({ id: 'ApplyBody' });

export const promoteBody = z
  .strictObject({
    fromStep: z.int().min(0).max(1000).nullable().default(null).meta({
      description: 'The `stepIndex` that was seen; already past it is nothing to do. Null: whatever it is.',
    }),
    full: z.boolean().default(false),
    overrideFreeze,
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

export const lockBody = z
  .strictObject({
    reason,
    forMs: forMs.nullable().default(null).meta({ description: 'Null: until it is released.' }),
  })
  .meta({ id: 'LockBody' });

export const unlockBody = z
  .strictObject({
    force: z.boolean().default(false).meta({ description: 'Also a lock of somebody else; needs a reason.' }),
    reason: reason.nullable().default(null),
  })
  .refine(({ force, reason: why }) => !force || why !== null, 'force needs a reason')
  .meta({ id: 'UnlockBody' });

export const freezeBody = z
  .strictObject({
    reason: reason.nullable().default(null),
    forMs: forMs.nullable().default(null),
    untilMs: z
      .int()
      .min(0)
      .max(8.64e15)
      .nullable()
      .default(null)
      .meta({ description: 'Milliseconds since 1970.' }),
    alsoAdvancing: z
      .boolean()
      .default(false)
      .meta({ description: 'Whether a rollout under way stays where it is.' }),
  })
  .refine(({ forMs: length, untilMs }) => length === null || untilMs === null, 'has both forMs and untilMs')
  .meta({ id: 'FreezeBody' });

const agreeing = {
  rollout: rolloutId
    .nullable()
    .default(null)
    .meta({ description: 'Only this one; null: whichever is under way.' }),
  step: z.int().min(0).max(1000).nullable().default(null).meta({
    description: 'The `stepIndex` that was seen; null: whatever it is.',
  }),
  reason: reason.nullable().default(null),
};
export const approveBody = z.strictObject(agreeing).meta({ id: 'ApproveBody' });
export const rejectBody = z.strictObject(agreeing).meta({ id: 'RejectBody' });

export const emptyBody = z.strictObject({}).meta({ id: 'EmptyBody' });
