import type * as Library from 'openid-client';
import { messageOf, OperatingError } from '../lib/errors.ts';
import { askHttp } from '../metrics/http-client.ts';
import type { OidcLogin } from '../release/login.ts';
import type { Claims } from './oidc-identity.ts';

/** How far the clocks of the provider and of this server may be apart. */
export const SKEW_SECONDS = 30;
/** So long what the provider says of itself is not asked again. */
const KNOWN_MS = 600_000;

/** What a login was begun with, and what its answer must fit. */
export type Challenge = {
  readonly redirectUri: string;
  readonly state: string;
  readonly nonce: string;
  readonly verifier: string;
};

export type OidcOptions = {
  readonly rules: OidcLogin;
  /** The secret of this client, read anew. */
  readonly secret: () => Promise<string>;
};

/** Not before somebody logs in with it: most servers never need it. */
function library(): Promise<typeof Library> {
  return import('openid-client');
}

/** One provider, spoken to by a library; each request is bounded in time and size, and goes where the file says. */
export class OidcProvider {
  readonly host: string;
  readonly #options: OidcOptions;
  readonly #nowMs: () => number;
  #known: { readonly config: Promise<Library.Configuration>; readonly atMs: number } | null = null;

  constructor(options: OidcOptions, nowMs: () => number) {
    this.#options = options;
    this.#nowMs = nowMs;
    this.host = new URL(options.rules.issuer).host;
  }

  /** Where a browser is sent to log in. Error: OIDC_UNREACHABLE. */
  async address(challenge: Challenge): Promise<string> {
    const client = await library();
    const config = await this.#config();
    const url = client.buildAuthorizationUrl(config, {
      redirect_uri: challenge.redirectUri,
      scope: this.#options.rules.scopes.join(' '),
      state: challenge.state,
      nonce: challenge.nonce,
      code_challenge: await client.calculatePKCECodeChallenge(challenge.verifier),
      code_challenge_method: 'S256',
    });
    return url.href;
  }

  /**
   * What the provider says of whoever came back with `answer` (a query). `isEnough`: whether the token alone says all; else
   * the provider is asked for more. Errors: OIDC_REFUSED, OIDC_UNREACHABLE.
   */
  async claims(answer: string, challenge: Challenge, isEnough: (claims: Claims) => boolean): Promise<Claims> {
    const client = await library();
    const config = await this.#config();
    try {
      const tokens = await client.authorizationCodeGrant(
        config,
        new URL(`${challenge.redirectUri}?${answer}`),
        {
          expectedState: challenge.state,
          expectedNonce: challenge.nonce,
          pkceCodeVerifier: challenge.verifier,
          idTokenExpected: true,
        },
      );
      const claims = tokens.claims()!;
      if (isEnough(claims) || config.serverMetadata().userinfo_endpoint === undefined) return claims;
      const more = await client.fetchUserInfo(config, tokens.access_token, claims.sub);
      return { ...more, ...claims };
    } catch (error) {
      throw this.#refusal(error, client);
    }
  }

  async #config(): Promise<Library.Configuration> {
    const nowMs = this.#nowMs();
    if (this.#known === null || nowMs - this.#known.atMs >= KNOWN_MS)
      this.#known = { config: this.#discover(), atMs: nowMs };
    const { config } = this.#known;
    try {
      return await config;
    } catch (error) {
      // The next one asks again.
      if (this.#known?.config === config) this.#known = null;
      throw error;
    }
  }

  async #discover(): Promise<Library.Configuration> {
    const { rules, secret } = this.#options;
    const client = await library();
    try {
      const authentication = clientAuthentication(await secret(), client);
      const metadata = { [client.clockTolerance]: SKEW_SECONDS };
      return await client.discovery(new URL(rules.issuer), rules.clientId, metadata, authentication, {
        [client.customFetch]: (url, options) => ask(rules, url, options),
        timeout: Math.ceil(rules.timeoutMs / 1000),
        execute: [
          // The signature is checked however the token came: TLS alone is not taken for it.
          client.enableNonRepudiationChecks,
          ...(rules.issuer.startsWith('http:') ? [client.allowInsecureRequests] : []),
        ],
      });
    } catch (error) {
      throw this.#unreachable(error);
    }
  }

  #unreachable(error: unknown): OperatingError {
    const why = operatingIn(error)?.message ?? messageOf(error);
    return new OperatingError(
      'OIDC_UNREACHABLE',
      `Logging in with ${this.host} is not possible now: ${why}. Nothing changed. A token still logs in.`,
      { retryable: true, cause: error },
    );
  }

  #refusal(error: unknown, client: typeof Library): OperatingError {
    if (operatingIn(error) !== null) return this.#unreachable(error);
    return new OperatingError(
      'OIDC_REFUSED',
      `The login with ${this.host} is not taken: ${reasonOf(error, client)}. Nobody is logged in.`,
      { retryable: false, cause: error },
    );
  }
}

/** By the header if the provider takes that, which is what the standard expects where nothing is said. */
function clientAuthentication(secret: string, client: typeof Library): Library.ClientAuth {
  const [basic, post] = [client.ClientSecretBasic(secret), client.ClientSecretPost(secret)];
  return (server, metadata, body, headers) => {
    const known = server.token_endpoint_auth_methods_supported ?? ['client_secret_basic'];
    (known.includes('client_secret_basic') ? basic : post)(server, metadata, body, headers);
  };
}

async function ask(
  { caFile, timeoutMs }: OidcLogin,
  url: string,
  { method, headers, body }: Library.CustomFetchOptions,
): Promise<Response> {
  const text =
    body === undefined || body === null
      ? null
      : await new Response(body as ConstructorParameters<typeof Response>[0]).text();
  const type = text === null ? {} : { 'content-type': 'application/x-www-form-urlencoded;charset=UTF-8' };
  const got = await askHttp(
    {
      method: method as 'GET' | 'POST',
      url: new URL(url),
      headers: { ...type, ...headers },
      body: text,
      timeoutMs,
      caFile,
    },
    AbortSignal.timeout(timeoutMs),
  );
  if (got.kind === 'failed') throw new OperatingError('OIDC_UNREACHABLE', got.why, { retryable: true });
  return new Response(got.text, { status: got.status, headers: { 'content-type': 'application/json' } });
}

/** What the library wrapped, if it was not its own. */
function operatingIn(error: unknown): OperatingError | null {
  for (let one = error, depth = 0; one instanceof Error && depth < 5; one = one.cause, depth += 1)
    if (one instanceof OperatingError) return one;
  return null;
}

/** Codes of the protocol and the library's own words; what a provider wrote freely is repeated nowhere. */
function reasonOf(error: unknown, client: typeof Library): string {
  if (error instanceof client.AuthorizationResponseError || error instanceof client.ResponseBodyError)
    return `the provider says ${/^[a-z_]{1,60}$/.test(error.error) ? error.error : 'no'}`;
  const { cause } = error as { readonly cause?: unknown };
  return `${messageOf(error)}${cause instanceof Error ? ` (${cause.message.slice(0, 200)})` : ''}`;
}
