import { z } from 'zod';
import { parseDuration } from '../lib/duration.ts';
import { ABSOLUTE_FILE, NAME } from './forms.ts';
import { attemptTimeout } from './named-kinds.ts';
import { secretRef, type SecretRef } from './source-connection.ts';

/** How people log in to the dashboard besides with a token: `login:` of the server's own file. */

type LoginRole = 'viewer' | 'operator' | 'admin';

/** What members of a group may do; `services` null: with all of them. */
export type GroupRole = {
  readonly group: string;
  readonly role: LoginRole;
  readonly services: readonly string[] | null;
};

export type OidcLogin = {
  /** Exactly as the provider calls itself, a slash at its end included. */
  readonly issuer: string;
  readonly clientId: string;
  readonly clientSecret: SecretRef;
  readonly scopes: readonly string[];
  /** Where the name stands; null: `preferred_username`, else `email`. */
  readonly nameClaim: string | null;
  readonly groupsClaim: string;
  readonly roles: readonly GroupRole[];
  /** How long a login lasts, however much it is used. */
  readonly sessionMs: number;
  /** PEM file of the only authorities that are trusted for the provider; null for the system's own. */
  readonly caFile: string | null;
  /** How long one answer of the provider may take. */
  readonly timeoutMs: number;
};

const DAY_MS = 86_400_000;

const issuer = z
  .string()
  .max(500)
  .refine(
    isIssuer,
    'the https URL of the provider without name, password, query or fragment; http on loopback alone',
  );

const ON_MACHINE = /^(?:localhost|\[::1\]|127(?:\.\d{1,3}){3})$/u;

const printable = z.string().regex(/^[\x21-\x7e]{1,200}$/u, 'up to 200 printable characters, without spaces');

const group = z.string().min(1).max(200);
const groups = z
  .array(
    z.union([
      group.transform((name) => ({ group: name, services: null })),
      z.strictObject({ group, services: z.array(z.string().regex(NAME)).min(1).max(1000) }),
    ]),
  )
  .max(200)
  .default([]);

const session = z
  .string()
  .default('12h')
  .transform((text, context) => {
    const ms = parseDuration(text);
    if (ms !== undefined && ms >= 60_000 && ms <= 7 * DAY_MS) return ms;
    context.addIssue({ code: 'custom', message: 'a duration such as 12h, from 1m to 7d' });
    return z.NEVER;
  });

const oidc = z
  .strictObject({
    issuer,
    'client-id': printable,
    'client-secret': secretRef,
    scopes: z
      .array(printable)
      .max(20)
      .default(['openid', 'profile', 'email'])
      .refine((all) => all.includes('openid'), 'openid must be one of them'),
    'name-claim': printable.optional(),
    'groups-claim': printable.default('groups'),
    roles: z
      .strictObject({ viewer: groups, operator: groups, admin: groups })
      .refine(
        (roles) => Object.values(roles).some((list) => list.length > 0),
        'at least one group, because whoever is in none of them does not get in',
      ),
    session,
    ca: z.string().regex(ABSOLUTE_FILE, 'the absolute path of a PEM file').optional(),
    timeout: attemptTimeout('10s', 10_000),
  })
  .transform((written): OidcLogin => ({
    issuer: written.issuer,
    clientId: written['client-id'],
    clientSecret: written['client-secret'],
    scopes: written.scopes,
    nameClaim: written['name-claim'] ?? null,
    groupsClaim: written['groups-claim'],
    roles: (['admin', 'operator', 'viewer'] as const).flatMap((role) =>
      written.roles[role].map((one) => ({ ...one, role })),
    ),
    sessionMs: written.session,
    caFile: written.ca ?? null,
    timeoutMs: written.timeout,
  }));

/** `login:` of the server's own file. */
export const loginEntry = z.strictObject({ oidc });

/** What crosses a network in the clear could be changed on its way. */
function isIssuer(text: string): boolean {
  if (!URL.canParse(text)) return false;
  const { protocol, hostname, username, password, search, hash } = new URL(text);
  if (`${username}${password}${search}${hash}` !== '') return false;
  return protocol === 'https:' || (protocol === 'http:' && ON_MACHINE.test(hostname));
}
