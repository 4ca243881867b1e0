import { z } from 'zod';
import { atMs, role, schema } from './answers.ts';

export const tokenView = z
  .strictObject({
    id: z.string().meta({ description: 'Public; the first part of the token.' }),
    name: z.string().meta({ description: 'Who somebody with it is.' }),
    role,
    services: z.array(z.string()).readonly().nullable().meta({ description: 'Null: all of them.' }),
    createdBy: z.string(),
    createdAtMs: atMs,
    expiresAtMs: atMs,
    state: z.enum(['valid', 'expired', 'revoked']),
    lastUsedAtMs: atMs.nullable().meta({ description: 'Since the server was started.' }),
  })
  .meta({ id: 'Token' });

export const tokensAnswer = z
  .strictObject({ schema, tokens: z.array(tokenView).readonly() })
  .meta({ id: 'TokensAnswer' });

export const tokenCreatedAnswer = z
  .strictObject({
    schema,
    message: z.string(),
    token: tokenView,
    text: z.string().meta({ description: 'The token itself. Nobody is told it again.' }),
  })
  .meta({ id: 'TokenCreatedAnswer' });
