import type { Grant } from '../controller/token-record.ts';
import type { OidcLogin } from '../release/login.ts';

/** What a provider said of somebody: claims of a token that was checked. */
export type Claims = Readonly<Record<string, unknown>>;

/** Who somebody is, and in which groups of the server's file. */
export type Member = { readonly name: string; readonly groups: readonly string[] };

/** The name to be known by; null: the claim is not there. Not yet looked at for its form. */
export function nameIn(claims: Claims, { nameClaim }: OidcLogin): string | null {
  const from = nameClaim === null ? ['preferred_username', 'email'] : [nameClaim];
  const claim = from.find((one) => typeof claims[one] === 'string' && claims[one] !== '');
  if (claim === undefined) return null;
  // Whoever may write any address into a profile would be anybody.
  if (claim === 'email' && claims['email_verified'] === false) return null;
  return claims[claim] as string;
}

/** Null: nothing is said of groups. Those that the file does not name are nobody's business. */
export function groupsIn(
  claims: Claims,
  { groupsClaim, roles }: Pick<OidcLogin, 'groupsClaim' | 'roles'>,
): readonly string[] | null {
  const said = claims[groupsClaim];
  if (said === undefined || said === null) return null;
  const all: readonly unknown[] = Array.isArray(said) ? said : [said];
  return [...new Set(roles.map(({ group }) => group))].filter((group) => all.includes(group));
}

/** The highest role of the groups, with the services of all groups that give it; null: no group gives any. */
export function grantOf(groups: readonly string[], { roles }: Pick<OidcLogin, 'roles'>): Grant | null {
  const given = roles.filter(({ group }) => groups.includes(group));
  const role = (['admin', 'operator', 'viewer'] as const).find((one) =>
    given.some(({ role: has }) => has === one),
  );
  if (role === undefined) return null;
  const scopes = given.filter(({ role: has }) => has === role).map(({ services }) => services);
  if (scopes.includes(null)) return { role, services: null };
  return { role, services: [...new Set(scopes.flatMap((services) => services ?? []))].sort() };
}
