import type { OidcOptions } from './http/oidc-provider.ts';
import type { OidcLogin } from './release/login.ts';
import { serverSecrets } from './server-secrets.ts';
import type { SecretOptions } from './workload/secrets.ts';

/** Who vouches for people in the dashboard besides tokens, if anybody. */
export function openLogins(
  oidc: OidcLogin | null,
  secrets: Omit<SecretOptions, 'allowedEnv'>,
): OidcOptions | null {
  if (oidc === null) return null;
  const reveal = serverSecrets([oidc], secrets);
  return { rules: oidc, secret: () => reveal(oidc.clientSecret) };
}
