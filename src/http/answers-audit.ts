import { z } from 'zod';
import { atMs, schema } from './answers.ts';

const auditView = z
  .strictObject({
    seq: z.int(),
    atMs,
    service: z.string().nullable().meta({ description: 'Null: all of them.' }),
    rollout: z.string().nullable(),
    actor: z.string(),
    role: z.string().nullable().meta({ description: 'What the socket or the token gave.' }),
    from: z.string().nullable().meta({
      description: 'The socket, or address and token: `operator.sock`, `192.0.2.7, token 1a2b3c4d`.',
    }),
    verb: z.string(),
    result: z.enum(['done', 'nothing', 'refused']),
    code: z.string().nullable().meta({ description: 'Of the refusal.' }),
    reason: z.string().nullable().meta({ description: 'As it was given.' }),
    says: z.array(z.string()).readonly(),
  })
  .meta({ id: 'AuditEntry' });

export const auditPage = z.strictObject({
  entries: z.array(auditView).readonly(),
  before: z
    .int()
    .nullable()
    .meta({ description: 'Ask with it for what is older. A page may be short and yet have more after it.' }),
});

export const chainCheck = z.strictObject({
  head: z.strictObject({ seq: z.int(), mac: z.string() }),
  records: z.int(),
  fault: z.strictObject({ seq: z.int(), why: z.string() }).nullable(),
  compared: z
    .boolean()
    .nullable()
    .meta({ description: 'Whether the announced record is still there; null: none was given.' }),
});

export const auditAnswer = z.strictObject({ schema, ...auditPage.shape }).meta({ id: 'AuditAnswer' });
export const chainAnswer = z.strictObject({ schema, ...chainCheck.shape }).meta({ id: 'ChainAnswer' });
