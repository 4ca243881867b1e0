import { z } from 'zod';
import { ROLES } from '../controller/controller.ts';
import { isTokenName } from '../controller/token-record.ts';
import { OperatingError } from '../lib/errors.ts';
import { VIEW_SCHEMA } from '../controller/views.ts';
import { tokenCreatedAnswer, tokensAnswer } from './answers-token.ts';
import { steerAnswer } from './answers.ts';
import { route, type Route } from './route.ts';
import { serviceName } from './service-body.ts';

const DAY_MS = 86_400_000;
export const LONGEST_TOKEN_MS = 366 * DAY_MS;

const tokenBody = z
  .strictObject({
    name: z
      .string()
      .refine(isTokenName, 'is not a name of letters, digits and . _ @ + -, at most 64 of them')
      .meta({ description: 'Who somebody with it is. Several tokens may belong to one person.' }),
    role: z.enum(ROLES),
    services: z
      .array(serviceName)
      .min(1)
      .max(100)
      .readonly()
      .nullable()
      .default(null)
      .meta({ description: 'Only these, which need not be there yet; null: all of them.' }),
    forMs: z.int().min(60_000).max(LONGEST_TOKEN_MS).meta({ description: 'Milliseconds from now on.' }),
  })
  .meta({ id: 'TokenBody' });

const ofToken = z.strictObject({
  token: z
    .string()
    .regex(/^[0-9a-f]{8}$/, 'is not the id of a token')
    .meta({ description: '8 hex digits.' }),
});

/** Who may do what. The whole server's: a token for some services cannot make one for others. */
export const TOKEN_ROUTES: readonly Route[] = [
  route({
    method: 'GET',
    path: '/tokens',
    role: 'admin',
    summary: 'Tokens, without what they are made of; those that ended stay for 30 days',
    answer: tokensAnswer,
    handle: ({ controller }) => ({ schema: VIEW_SCHEMA, tokens: controller.tokens.list() }),
  }),
  {
    ...route({
      method: 'POST',
      path: '/tokens',
      role: 'admin',
      summary: 'Make a token; its text is in this answer and nowhere else',
      body: tokenBody,
      answer: tokenCreatedAnswer,
      handle: async ({ controller, caller, body }) => ({
        schema: VIEW_SCHEMA,
        ...(await controller.people.createToken(body, caller)),
      }),
    }),
    // An answer that is kept would keep the token.
    repeated: ({ token }: z.infer<typeof tokenCreatedAnswer>) =>
      new OperatingError(
        'TOKEN_MADE',
        `Token ${token.id} was made by this request already, and its text was in that answer alone; nothing was made now. Where it got lost, revoke the token and make another.`,
        { retryable: false },
      ),
  },
  route({
    method: 'DELETE',
    path: '/tokens/:token',
    role: 'admin',
    summary: 'Revoke a token, at once',
    params: ofToken,
    answer: steerAnswer,
    handle: async ({ controller, caller, params }) => ({
      schema: VIEW_SCHEMA,
      ...(await controller.people.revokeToken(params.token, caller)),
    }),
  }),
];
