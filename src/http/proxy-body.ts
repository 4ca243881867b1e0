import { z } from 'zod';
import { ABSOLUTE_FILE } from '../release/forms.ts';
import { isNetwork } from '../release/resolve-override.ts';

/** Which proxy a service has, as a client sends it. */

const DAY_MS = 86_400_000;
const ms = (max: number) => z.int().min(100).max(max);
/** As in a file: nothing that a configuration would have to quote. */
const filePath = z.string().regex(ABSOLUTE_FILE, 'is not an absolute path of plain characters');

const tlsFiles = z.strictObject({ certificate: filePath, key: filePath });

export const proxy = z.discriminatedUnion('kind', [
  z
    .strictObject({
      kind: z.literal('builtin'),
      tls: z.array(tlsFiles).min(1).max(20).readonly().exactOptional(),
      redirectFrom: z.int().min(1).max(65_535).exactOptional(),
      protocol: z.literal('h2c').exactOptional(),
      proxies: z
        .array(z.string().refine(isNetwork, 'is not a network'))
        .min(1)
        .max(64)
        .readonly()
        .exactOptional(),
    })
    .refine((value) => value.redirectFrom === undefined || value.tls !== undefined, 'redirects to no HTTPS'),
  z.strictObject({
    kind: z.literal('nginx'),
    managed: z.boolean(),
    mode: z.enum(['file', 'snippet']),
    directory: filePath,
    tls: tlsFiles.nullable(),
    include: filePath.nullable(),
    connectTimeoutMs: ms(75_000),
    readTimeoutMs: ms(DAY_MS),
  }),
  z.strictObject({
    kind: z.literal('haproxy'),
    managed: z.boolean(),
    directory: filePath,
    socket: filePath,
    log: filePath,
    tls: tlsFiles.nullable(),
    connectTimeoutMs: ms(75_000),
    readTimeoutMs: ms(DAY_MS),
  }),
]);
