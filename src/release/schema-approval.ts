import { z } from 'zod';
import { PERSON } from './forms.ts';
import { count, FACTS, pattern } from './values.ts';

const WHERE = /^(?:start|(?:\d{1,3})(?:\.\d)?%)$/;

const rule = z
  .strictObject({
    before: pattern('`start`, before any traffic; or a share of the steps, such as 50% or 100%.', WHERE, {
      what: 'start, or a share such as 50%',
      code: 'E090',
    }),
    need: count('So many different people, never the one who started it.', 1, 10, { default: 1 }).optional(),
    of: z
      .array(
        pattern('Who a token says somebody is.', PERSON, {
          what: 'the name of somebody, as in `bascule token create`',
          code: 'E090',
        }),
      )
      .min(1)
      .max(50)
      .describe('Only these count.')
      .register(FACTS, {
        kind: 'shape',
        what: 'a list of names such as [ana, bob]',
        code: 'E090',
        min: 1,
        max: 50,
        defaultNote: 'everybody whose token is an operator’s for the service',
      })
      .optional(),
  })
  .describe('People who must agree before it goes on there.')
  .register(FACTS, { kind: 'shape', what: 'a mapping such as {before: 100%, need: 2}', code: 'E090' });

export const approvals = z
  .array(rule)
  .min(1)
  .max(20)
  .describe('Who must agree, and before what: `bascule approve`. See the page on people.')
  .register(FACTS, {
    kind: 'shape',
    what: 'a list such as [{before: 100%, need: 2}]',
    code: 'E090',
    min: 1,
    max: 20,
    defaultNote: 'nobody',
    suggest: (value) => (typeof value === 'number' ? `[{before: 100%, need: ${value}}]` : null),
  });

export type ApprovalInput = z.input<typeof rule>;
