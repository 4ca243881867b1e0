import { z } from 'zod';
import { ACCESS_FIELDS, holdsSecret } from '../release/access-fields.ts';
import { DIRECTORY, EMAIL } from '../release/acme.ts';
import { ABSOLUTE_FILE, HEADER } from '../release/forms.ts';
import {
  HEADER_VALUE,
  isProxysOwn,
  MATCH_PLACES,
  PLAIN_NAME,
  PLAIN_VALUE,
} from '../release/request-match.ts';
import { isNetwork } from '../release/resolve-override.ts';
import { MOST_LOGGED_HEADERS } from '../release/schema-access-log.ts';
import { MOST_MATCHES } from '../release/schema-match.ts';
import { errorPages, limits, outliers, perReplica, timeouts } from './resilience-body.ts';

/** Which proxy a service has, as a client sends it. */

const DAY_MS = 86_400_000;
const ms = (max: number) => z.int().min(100).max(max);
/** As in a file: nothing that a configuration would have to quote. */
const filePath = z.string().regex(ABSOLUTE_FILE, 'is not an absolute path of plain characters');

const tlsFiles = z.strictObject({ certificate: filePath, key: filePath });

const networks = z.array(z.string().refine(isNetwork, 'is not a network')).min(1).max(64).readonly();

const accessLog = z.strictObject({
  fields: z.array(z.enum(ACCESS_FIELDS)).min(1).max(ACCESS_FIELDS.length).readonly(),
  headers: z
    .array(
      z
        .string()
        .regex(/^[a-z][a-z0-9-]{0,63}$/, 'is not a header in lower case')
        .refine((header) => !holdsSecret(header), 'is a header that holds a secret'),
    )
    .max(MOST_LOGGED_HEADERS)
    .readonly(),
  samplePercent: z.number().gt(0).max(100),
  keepBytes: z
    .int()
    .min(1024 ** 2)
    .max(1024 ** 4),
});

const place = z.enum(MATCH_PLACES);
const match = z
  .strictObject({
    on: place,
    name: z.string().max(64),
    value: z.discriminatedUnion('kind', [
      z.strictObject({ kind: z.literal('present') }),
      z.strictObject({ kind: z.enum(['is', 'begins-with']), text: z.string().regex(HEADER_VALUE) }),
    ]),
  })
  .refine(
    ({ on, name }) => (on === 'header' ? HEADER.test(name) && !isProxysOwn(name) : PLAIN_NAME.test(name)),
    'names what no request can be told by',
  )
  .refine(({ on, name }) => on !== 'header' || name === name.toLowerCase(), 'is not in lower case')
  .refine(
    ({ on, value }) => on === 'header' || value.kind === 'present' || PLAIN_VALUE.test(value.text),
    'has a value that is never sent as it is',
  );
const matches = z.array(match).min(1).max(MOST_MATCHES).readonly();

export const proxy = z.discriminatedUnion('kind', [
  z
    .strictObject({
      kind: z.literal('builtin'),
      tls: z.array(tlsFiles).min(1).max(20).readonly().exactOptional(),
      acme: z
        .strictObject({
          email: z.string().regex(EMAIL, 'is not an address').nullable(),
          directory: z.string().max(2048).regex(DIRECTORY, 'is not the address of a directory'),
          authority: filePath.nullable(),
        })
        .exactOptional(),
      redirectFrom: z.int().min(1).max(65_535).exactOptional(),
      protocol: z.literal('h2c').exactOptional(),
      proxies: networks.exactOptional(),
      redirectHosts: z
        .array(
          z
            .string()
            .regex(/^[a-z0-9_](?:[a-z0-9._-]*[a-z0-9])?$/, 'is not a host name')
            .max(253),
        )
        .min(1)
        .max(64)
        .readonly()
        .exactOptional(),
      stripPath: z.literal(true).exactOptional(),
      when: matches.exactOptional(),
      candidateFor: matches.exactOptional(),
      allow: networks.exactOptional(),
      deny: networks.exactOptional(),
      accessLog: accessLog.exactOptional(),
      startTracesPercent: z.number().min(0).max(100).exactOptional(),
      serverTiming: z.literal(true).exactOptional(),
      perReplica: perReplica.exactOptional(),
      outliers: outliers.exactOptional(),
      timeouts: timeouts.exactOptional(),
      limits: limits.exactOptional(),
      errorPages: errorPages.exactOptional(),
    })
    .refine(
      ({ redirectFrom, tls, acme }) => redirectFrom === undefined || (tls ?? acme) !== undefined,
      'redirects to no HTTPS',
    )
    .refine(
      ({ redirectFrom, tls, acme }) =>
        acme === undefined || (tls === undefined && redirectFrom !== undefined),
      'asks for certificates beside files, or without redirectFrom',
    ),
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
