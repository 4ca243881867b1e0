import { z } from 'zod';

import { CIDR, OVERRIDE_HEADER, SECRET } from './forms.ts';
import { FACTS, pattern } from './values.ts';

export const network = pattern('A network in CIDR notation.', CIDR, {
  what: 'a network such as 10.0.0.0/8 or fd00::/8',
  code: 'E054',
  suggest: (value) => {
    if (typeof value !== 'string') return null;
    if (z.ipv4().safeParse(value).success) return `${value}/32`;
    return z.ipv6().safeParse(value).success ? `${value}/128` : null;
  },
});

export const override = z
  .strictObject({
    header: pattern('Name of the header; the application never gets it.', OVERRIDE_HEADER, {
      what: 'a header of your own such as X-Version',
      code: 'E053',
    }),
    secret: pattern(
      'Reference to the secret that whoever chooses must know. The header is then `target:SECRET`.',
      SECRET,
      { what: 'env:NAME or file:NAME, never the value itself', code: 'E028' },
    ).optional(),
    from: z
      .union([network, z.array(network).min(1).max(64)])
      .describe('Networks whose clients may choose. The header is then the target alone.')
      .register(FACTS, {
        kind: 'shape',
        what: 'a network such as 10.0.0.0/8, or a list of them',
        code: 'E054',
        max: 64,
      })
      .optional(),
  })
  .describe(
    'A header by which a request chooses its version: stable, candidate, blue or green, for those who know a secret or come from a network. Such requests are counted apart and judged in a header-only step alone.',
  )
  .register(FACTS, {
    kind: 'shape',
    what: 'a mapping such as {header: X-Version, secret: file:NAME}',
    code: 'E008',
    owner: 'door',
    defaultNote: 'off',
  });

export type OverrideInput = z.input<typeof override>;
