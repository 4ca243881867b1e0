import { z } from 'zod';
import { PERSON } from '../release/forms.ts';

const rule = z.strictObject({
  before: z.union([z.literal('start'), z.number().gt(0).max(100)]),
  need: z.int().min(1).max(10),
  of: z.array(z.string().regex(PERSON, 'is not a name')).min(1).max(50).readonly().nullable(),
});

export const approvalRules = z.array(rule).min(1).max(20).readonly();
