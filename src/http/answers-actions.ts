import { z } from 'zod';
import { ACTIONS } from '../controller/views.ts';

export const action = z.enum(ACTIONS).meta({ id: 'Action' });

/** What whoever asks may do with a service or a rollout. */
export const actions = {
  allowedActions: z.array(action).readonly().meta({ description: 'What you may do now.' }),
  refusedActions: z
    .array(
      z
        .strictObject({
          action,
          code: z.string().nullable().meta({ description: 'Null: there would be nothing to do.' }),
          why: z.string(),
        })
        .meta({ id: 'RefusedAction' }),
    )
    .readonly()
    .meta({ description: 'What you would be refused now, and why.' }),
};

/** What is about the whole server; those that it does not offer are in neither list. */
export const SERVER_ACTIONS = {
  'freeze-all': 'POST /freeze',
  'unfreeze-all': 'POST /unfreeze',
  'audit-verify': 'GET /audit/chain',
  metrics: 'GET /metrics',
  settings: 'GET /settings',
  tokens: 'GET /tokens',
  'token-create': 'POST /tokens',
  'token-revoke': 'DELETE /tokens/:token',
  'notify-test': 'POST /notify/test',
  backup: 'GET /backup',
} as const;
export type ServerAction = keyof typeof SERVER_ACTIONS;
const serverAction = z
  .enum(Object.keys(SERVER_ACTIONS) as [ServerAction, ...ServerAction[]])
  .meta({ id: 'ServerAction' });
export const serverActions = {
  allowedActions: z
    .array(serverAction)
    .readonly()
    .meta({ description: 'What you may do about the whole server.' }),
  refusedActions: z
    .array(z.strictObject({ action: serverAction, code: z.string(), why: z.string() }))
    .readonly(),
};
