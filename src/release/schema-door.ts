import { z } from 'zod';

import { ADDRESS, LISTEN } from './forms.ts';
import { DEFAULTS } from './presets.ts';
import { count, FACTS, pattern } from './values.ts';

const port = count('Port, 1 to 65535.', 1, 65_535);
export const listen = z
  .union([
    port,
    z.string().regex(LISTEN),
    z.strictObject({
      address: pattern('IP address of this machine; * for all.', ADDRESS, {
        what: 'an IP address of this machine',
        code: 'E024',
        default: DEFAULTS.listenAddress,
      }).optional(),
      port,
    }),
  ])
  .describe(
    'Where the proxy listens for clients: a port (on all addresses), "address:port", or a mapping. Several services may share it.',
  )
  .register(FACTS, {
    kind: 'shape',
    what: 'a port such as 8080, or "address:port"',
    code: 'E024',
    owner: 'door',
    max: 65_535,
    min: 1,
    suggest: (value) =>
      typeof value === 'string' && /^:?\d{1,5}$/.test(value) ? value.replace(':', '') : null,
  });

export const proxy = z
  .union([z.literal('builtin'), z.strictObject({ builtin: z.strictObject({}).describe('No options yet.') })])
  .describe('The data plane that carries the traffic.')
  .register(FACTS, {
    kind: 'choice',
    what: 'builtin',
    code: 'E019',
    options: ['builtin'],
    owner: 'door',
    default: 'builtin',
  });
