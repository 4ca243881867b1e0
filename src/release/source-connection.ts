import { z } from 'zod';

import { ABSOLUTE_FILE, SECRET } from './forms.ts';
import { attemptTimeout, readKind } from './named-kinds.ts';

/** Where a server finds what measures ask: `sources:` of the server's own file. Secrets by reference only. */

/** Sources that the server's file gives an address and credentials. */
export const CONNECTED_KINDS = [
  'prometheus',
  'datadog',
  'cloudwatch',
  'newrelic',
  'graphite',
  'influxdb',
  'json',
] as const;
export type ConnectedKind = (typeof CONNECTED_KINDS)[number];

export type SecretRef = { readonly from: 'env' | 'file'; readonly name: string };

/** `none`, a password, or a token that goes into the header `Authorization`. */
export type HttpAuth =
  | { readonly kind: 'none' }
  | { readonly kind: 'basic'; readonly user: string; readonly password: SecretRef }
  | { readonly kind: 'bearer'; readonly token: SecretRef };

type Place = {
  /** As measures name it in `from`. */
  readonly name: string;
  /** http or https, with a path if there is one, without a slash at the end. */
  readonly url: string;
  /** PEM file of the only authorities that are trusted for it; null for the system's own. */
  readonly caFile: string | null;
  /** How long one answer may take. */
  readonly timeoutMs: number;
};

export type SourceConnection =
  | (Place & { readonly kind: 'prometheus' | 'graphite' | 'json'; readonly auth: HttpAuth })
  | (Place & { readonly kind: 'datadog'; readonly apiKey: SecretRef; readonly appKey: SecretRef })
  | (Place & {
      readonly kind: 'cloudwatch';
      readonly region: string;
      readonly accessKeyId: SecretRef;
      readonly secretAccessKey: SecretRef;
      /** Of temporary credentials. */
      readonly sessionToken: SecretRef | null;
    })
  | (Place & { readonly kind: 'newrelic'; readonly account: number; readonly apiKey: SecretRef })
  | (Place & {
      readonly kind: 'influxdb';
      readonly token: SecretRef;
      /** 2 is asked in Flux, in an organisation; 3 in SQL, in a database. */
      readonly speaks:
        | { readonly version: 2; readonly organisation: string }
        | { readonly version: 3; readonly database: string };
    });

export const secretRef = z
  .string()
  .regex(SECRET, 'env:NAME or file:NAME, never the value itself')
  .transform((text): SecretRef => {
    const [from, name] = text.split(':') as ['env' | 'file', string];
    return { from, name };
  });

export const plainUrl = z
  .string()
  .refine(isPlainUrl, 'an http or https URL without name, password, query or fragment')
  .transform((text) => text.replace(/\/+$/u, ''));

const place = {
  ca: z.string().regex(ABSOLUTE_FILE, 'the absolute path of a PEM file').optional(),
  timeout: attemptTimeout('5s', 5000),
};

const auth = {
  user: z.string().min(1).max(200).optional(),
  password: secretRef.optional(),
  bearer: secretRef.optional(),
};

const KINDS = {
  prometheus: z.strictObject({ ...place, ...auth, url: plainUrl }),
  graphite: z.strictObject({ ...place, ...auth, url: plainUrl }),
  json: z.strictObject({ ...place, ...auth, url: plainUrl }),
  datadog: z.strictObject({
    ...place,
    url: plainUrl.default('https://api.datadoghq.com'),
    'api-key': secretRef,
    'app-key': secretRef,
  }),
  cloudwatch: z.strictObject({
    ...place,
    url: plainUrl.optional(),
    region: z.string().regex(/^[a-z0-9-]{4,32}$/u, 'a region such as eu-central-1'),
    'access-key-id': secretRef,
    'secret-access-key': secretRef,
    'session-token': secretRef.optional(),
  }),
  newrelic: z.strictObject({
    ...place,
    url: plainUrl.default('https://api.newrelic.com'),
    account: z.int().min(1),
    'api-key': secretRef,
  }),
  influxdb: z.strictObject({
    ...place,
    url: plainUrl,
    token: secretRef,
    organisation: z.string().min(1).max(200).optional(),
    database: z.string().min(1).max(200).optional(),
  }),
} as const satisfies Record<ConnectedKind, z.ZodType>;

export const SOURCE_NAME = /^[a-z](?:[a-z0-9-]{0,38}[a-z0-9])?$/u;
const MOST_SOURCES = 50;

/** `sources:` — a name to an address and credentials; `kind` may be left out where the name says it. */
export const sources = z
  .record(
    z.string().regex(SOURCE_NAME, 'a name of a-z, 0-9 and -'),
    z.looseObject({ kind: z.string().optional() }),
  )
  .transform((written, context): SourceConnection[] => {
    const names = Object.keys(written);
    if (names.length > MOST_SOURCES) {
      context.addIssue({ code: 'custom', message: `at most ${MOST_SOURCES} sources` });
      return [];
    }
    return names.flatMap((name) =>
      readKind(
        { name, fields: written[name]! },
        { kinds: CONNECTED_KINDS, schemas: KINDS, resolve: resolved },
        context,
      ),
    );
  });

type Written = {
  readonly [K in ConnectedKind]: z.output<(typeof KINDS)[K]>;
};

/** The connection, or what does not fit together in it. */
function resolved(name: string, kind: ConnectedKind, fields: unknown): SourceConnection | string {
  const { ca, timeout } = fields as Written['json'];
  const at = { name, caFile: ca ?? null, timeoutMs: timeout };
  switch (kind) {
    case 'prometheus':
    case 'graphite':
    case 'json': {
      const written = fields as Written['json'];
      const how = authOf(written);
      return typeof how === 'string' ? how : { ...at, kind, url: written.url, auth: how };
    }
    case 'datadog': {
      const written = fields as Written['datadog'];
      return { ...at, kind, url: written.url, apiKey: written['api-key'], appKey: written['app-key'] };
    }
    case 'cloudwatch': {
      const written = fields as Written['cloudwatch'];
      return {
        ...at,
        kind,
        url: written.url ?? `https://monitoring.${written.region}.amazonaws.com`,
        region: written.region,
        accessKeyId: written['access-key-id'],
        secretAccessKey: written['secret-access-key'],
        sessionToken: written['session-token'] ?? null,
      };
    }
    case 'newrelic': {
      const written = fields as Written['newrelic'];
      return { ...at, kind, url: written.url, account: written.account, apiKey: written['api-key'] };
    }
    case 'influxdb': {
      const { url: address, token, organisation, database } = fields as Written['influxdb'];
      if ((organisation === undefined) === (database === undefined))
        return 'organisation (InfluxDB 2) or database (InfluxDB 3), one of the two';
      const speaks =
        organisation === undefined
          ? ({ version: 3, database: database! } as const)
          : ({ version: 2, organisation } as const);
      return { ...at, kind, url: address, token, speaks };
    }
  }
}

function authOf({ user, password, bearer }: Written['json']): HttpAuth | string {
  if (bearer !== undefined) {
    return user === undefined && password === undefined
      ? { kind: 'bearer', token: bearer }
      : 'bearer, or user and password, not both';
  }
  if (user === undefined && password === undefined) return { kind: 'none' };
  if (user === undefined || password === undefined) return 'user and password go together';
  return { kind: 'basic', user, password };
}

function isPlainUrl(text: string): boolean {
  if (!URL.canParse(text) || text.length > 500) return false;
  const { protocol, username, password, search, hash } = new URL(text);
  return ['http:', 'https:'].includes(protocol) && `${username}${password}${search}${hash}` === '';
}
