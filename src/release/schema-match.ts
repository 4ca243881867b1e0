import { z } from 'zod';

import { HEADER } from './forms.ts';
import { HEADER_VALUE, PLAIN_NAME } from './request-match.ts';
import { FACTS, pattern } from './values.ts';

export const MOST_MATCHES = 16;

/** `is: 1` is a number in YAML, and `is: yes` a text in this version of it. */
function suggestQuotes(value: unknown): string | null {
  return typeof value === 'number' || typeof value === 'boolean' ? `"${value}" in quotes` : null;
}

function value(description: string) {
  return pattern(description, HEADER_VALUE, {
    what: 'text of up to 200 printable characters',
    code: 'E057',
    suggest: suggestQuotes,
  });
}

function name(description: string, what: string) {
  return pattern(description, PLAIN_NAME, { what, code: 'E057' });
}

const condition = z
  .strictObject({
    header: pattern('A header that the request has.', HEADER, {
      what: 'the name of a header such as X-Beta',
      code: 'E057',
    }).optional(),
    cookie: name('A cookie that it has.', 'the name of a cookie').optional(),
    query: name('A parameter of its query.', 'the name of a parameter').optional(),
    is: value(
      'What that is to be, as it is sent: with capitals and escapes. Without is and begins-with it is enough that it is there.',
    ).optional(),
    'begins-with': value('What it is to begin with.').optional(),
  })
  .describe('A condition on a request: one of header, cookie and query, with its value if that matters.')
  .register(FACTS, {
    kind: 'shape',
    what: 'a mapping such as {cookie: beta, is: always}',
    code: 'E057',
  });

export function conditions(description: string, defaultNote: string) {
  return z.array(condition).min(1).max(MOST_MATCHES).describe(description).register(FACTS, {
    kind: 'shape',
    what: 'a list such as [{cookie: beta, is: always}]',
    code: 'E057',
    owner: 'door',
    defaultNote,
    min: 1,
    max: MOST_MATCHES,
  });
}

export type ConditionInput = z.input<typeof condition>;
