import { z } from 'zod';
import { ABSOLUTE_FILE, NAME } from './forms.ts';
import { attemptTimeout, readKind } from './named-kinds.ts';
import { plainUrl, secretRef, type SecretRef } from './source-connection.ts';

/** Where people are told about rollouts: `notify:` of the server's own file. Secrets by reference only. */

export const CHANNEL_KINDS = ['webhook', 'slack', 'teams', 'discord', 'email', 'grafana'] as const;
export type ChannelKind = (typeof CHANNEL_KINDS)[number];

type Common = {
  readonly name: string;
  /** Only about these; null: about every service. */
  readonly services: readonly string[] | null;
  /** `waits`: only what waits for a person, or went wrong. */
  readonly about: 'all' | 'waits';
  /** PEM file of the only authorities that are trusted for it; null for the system's own. */
  readonly caFile: string | null;
  /** How long one attempt may take. */
  readonly timeoutMs: number;
};

export type WebhookConnection = Common & {
  readonly kind: 'webhook';
  readonly url: string;
  /** Of the signature. */
  readonly secret: SecretRef;
};
export type SlackConnection = Common & {
  readonly kind: 'slack';
  readonly by:
    | { readonly how: 'webhook'; readonly url: SecretRef }
    | { readonly how: 'bot'; readonly token: SecretRef; readonly channel: string; readonly api: string };
};
export type TeamsConnection = Common & { readonly kind: 'teams'; readonly url: SecretRef };
export type DiscordConnection = Common & {
  readonly kind: 'discord';
  readonly url: SecretRef;
  /** The channel is a forum: one thread for each rollout. */
  readonly forum: boolean;
};
export type EmailConnection = Common & {
  readonly kind: 'email';
  readonly server: { readonly host: string; readonly port: number; readonly tls: 'at-once' | 'starttls' };
  readonly auth: { readonly user: string; readonly password: SecretRef } | null;
  readonly from: string;
  readonly to: readonly string[];
};
export type GrafanaConnection = Common & {
  readonly kind: 'grafana';
  readonly url: string;
  /** Of a service account that may write annotations. */
  readonly token: SecretRef;
  /** The uid of the one dashboard that shows them; null: all that ask for their tags. */
  readonly dashboard: string | null;
};
export type ChannelConnection =
  | WebhookConnection
  | SlackConnection
  | TeamsConnection
  | DiscordConnection
  | EmailConnection
  | GrafanaConnection;

const mailbox = z
  .string()
  .max(254)
  .regex(
    /^[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@[A-Za-z0-9.-]{1,253}$/u,
    'an address such as ops@example.com',
  );

const common = {
  services: z.array(z.string().regex(NAME, 'the name of a service')).min(1).max(1000).optional(),
  about: z.enum(['all', 'waits']).default('all'),
  ca: z.string().regex(ABSOLUTE_FILE, 'the absolute path of a PEM file').optional(),
  timeout: attemptTimeout('10s', 10_000),
};

const KINDS = {
  webhook: z.strictObject({ ...common, url: plainUrl, secret: secretRef }),
  slack: z.strictObject({
    ...common,
    url: secretRef.optional(),
    token: secretRef.optional(),
    channel: z
      .string()
      .regex(/^[A-Z0-9]{8,20}$/u, 'the id of a channel such as C0123456789')
      .optional(),
    api: plainUrl.default('https://slack.com/api'),
  }),
  teams: z.strictObject({ ...common, url: secretRef }),
  discord: z.strictObject({ ...common, url: secretRef, forum: z.boolean().default(false) }),
  email: z.strictObject({
    ...common,
    server: z
      .string()
      .regex(
        /^smtps?:\/\/[A-Za-z0-9.-]{1,253}(?::\d{1,5})?$/u,
        'smtp://HOST:PORT (STARTTLS) or smtps://HOST:PORT',
      ),
    user: z.string().min(1).max(200).optional(),
    password: secretRef.optional(),
    from: mailbox,
    to: z.array(mailbox).min(1).max(20),
  }),
  grafana: z.strictObject({
    ...common,
    url: plainUrl,
    token: secretRef,
    dashboard: z
      .string()
      .regex(/^[A-Za-z0-9_-]{1,40}$/u, 'the uid of a dashboard such as bascule')
      .optional(),
  }),
} as const satisfies Record<ChannelKind, z.ZodType>;
type Written = { readonly [K in ChannelKind]: z.output<(typeof KINDS)[K]> };

const MOST_CHANNELS = 20;

/** `notify:` — a name to a channel; `kind` may be left out where the name says it. */
export const channels = z
  .record(z.string().regex(NAME, 'a name of a-z, 0-9 and -'), z.looseObject({ kind: z.string().optional() }))
  .transform((written, context): ChannelConnection[] => {
    const names = Object.keys(written);
    if (names.length <= MOST_CHANNELS)
      return names.flatMap((name) =>
        readKind(
          { name, fields: written[name]! },
          { kinds: CHANNEL_KINDS, schemas: KINDS, resolve: resolved },
          context,
        ),
      );
    context.addIssue({ code: 'custom', message: `at most ${MOST_CHANNELS} channels` });
    return [];
  });

/** The channel, or what does not fit together in it. */
function resolved(name: string, kind: ChannelKind, fields: unknown): ChannelConnection | string {
  const { services, about, ca, timeout } = fields as Written['teams'];
  const at = { name, services: services ?? null, about, caFile: ca ?? null, timeoutMs: timeout };
  switch (kind) {
    case 'webhook': {
      const { url, secret } = fields as Written['webhook'];
      return { ...at, kind, url, secret };
    }
    case 'slack': {
      const by = slackBy(fields as Written['slack']);
      return typeof by === 'string' ? by : { ...at, kind, by };
    }
    case 'teams':
      return { ...at, kind, url: (fields as Written['teams']).url };
    case 'discord': {
      const { url, forum } = fields as Written['discord'];
      return { ...at, kind, url, forum };
    }
    case 'grafana': {
      const { url, token, dashboard } = fields as Written['grafana'];
      return { ...at, kind, url, token, dashboard: dashboard ?? null };
    }
    case 'email':
      return emailOf(at, fields as Written['email']);
  }
}

function slackBy({ url, token, channel, api }: Written['slack']): SlackConnection['by'] | string {
  if (url !== undefined && token === undefined && channel === undefined) return { how: 'webhook', url };
  if (url === undefined && token !== undefined && channel !== undefined)
    return { how: 'bot', token, channel, api };
  return 'url (an incoming webhook), or token and channel (a bot), one of the two';
}

function emailOf(
  at: Common,
  { server, user, password, from, to }: Written['email'],
): EmailConnection | string {
  const isTls = server.startsWith('smtps:');
  const [host, port] = server.slice(server.indexOf('//') + 2).split(':') as [string, string | undefined];
  const number = port === undefined ? (isTls ? 465 : 587) : Number(port);
  if (number < 1 || number > 65_535) return 'the port of server is from 1 to 65535';
  if ((user === undefined) !== (password === undefined)) return 'user and password go together';
  return {
    ...at,
    kind: 'email',
    server: { host, port: number, tls: isTls ? 'at-once' : 'starttls' },
    auth: user === undefined || password === undefined ? null : { user, password },
    from,
    to,
  };
}
