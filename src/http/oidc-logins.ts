import { createHash, randomBytes } from 'node:crypto';
import { isTokenName } from '../controller/token-record.ts';
import { OperatingError } from '../lib/errors.ts';
import { grantOf, groupsIn, nameIn, type Claims, type Member } from './oidc-identity.ts';
import { OidcProvider, type Challenge, type OidcOptions } from './oidc-provider.ts';

/** Time to type a password and find a second factor. */
export const BEGUN_MS = 600_000;
const MOST_BEGUN = 500;
/** Where the page is that the provider sends browsers back to. */
export const CALLBACK_PATH = '/login/oidc';

/** `who`: whom the provider knows; null: it did not get so far. */
export class LoginRefused extends OperatingError {
  readonly who: string | null;

  constructor(code: 'OIDC_REFUSED' | 'OIDC_NO_ROLE', message: string, who: string | null = null) {
    super(code, message, { retryable: false });
    this.who = who;
  }
}

type Pending = Challenge & { readonly keyHash: string; readonly untilMs: number };

/** Where the browser goes, and the two halves that whoever comes back must bring. */
export type BegunLogin = { readonly url: string; readonly cookie: string; readonly key: string };

export type Returned = {
  /** The query that the provider sent the browser back with. */
  readonly answer: string;
  /** The page's own origin, which was compared with the server's. */
  readonly origin: string;
  readonly cookie: string;
  readonly key: string;
};

/**
 * Logins that were begun here and are not over: a code, and a state, are good only in the browser that began, once. Both
 * halves are asked for, as for sessions: programs at other ports of a name are sent its cookies, and can set them.
 */
export class OidcLogins {
  readonly rules: OidcOptions['rules'];
  readonly #provider: OidcProvider;
  readonly #nowMs: () => number;
  readonly #begun = new Map<string, Pending>();

  constructor(options: OidcOptions, nowMs: () => number) {
    this.rules = options.rules;
    this.#nowMs = nowMs;
    this.#provider = new OidcProvider(options, nowMs);
  }

  get host(): string {
    return this.#provider.host;
  }

  /** Error: OIDC_UNREACHABLE. */
  async begin(origin: string): Promise<BegunLogin> {
    const challenge: Challenge = {
      redirectUri: `${origin}${CALLBACK_PATH}`,
      state: newSecret(),
      nonce: newSecret(),
      verifier: newSecret(),
    };
    const url = await this.#provider.address(challenge);
    const [cookie, key] = [newSecret(), newSecret()];
    for (const [hash, { untilMs }] of this.#begun)
      if (this.#begun.size >= MOST_BEGUN || this.#nowMs() >= untilMs) this.#begun.delete(hash);
    this.#begun.set(hashOf(cookie), {
      ...challenge,
      keyHash: hashOf(key),
      untilMs: this.#nowMs() + BEGUN_MS,
    });
    return { url, cookie, key };
  }

  /** Errors: OIDC_REFUSED, OIDC_NO_ROLE, OIDC_UNREACHABLE. */
  async complete({ answer, origin, cookie, key }: Returned): Promise<Member> {
    const hash = hashOf(cookie);
    const pending = this.#begun.get(hash);
    if (pending === undefined || pending.keyHash !== hashOf(key)) throw this.#notBegun();
    // Whatever comes of it: there is no second try with the same state.
    this.#begun.delete(hash);
    if (this.#nowMs() >= pending.untilMs || pending.redirectUri !== `${origin}${CALLBACK_PATH}`)
      throw this.#notBegun();
    const { rules } = this;
    const isEnough = (said: Claims) => nameIn(said, rules) !== null && groupsIn(said, rules) !== null;
    return this.#memberOf(await this.#provider.claims(answer, pending, isEnough));
  }

  #memberOf(claims: Claims): Member {
    const { rules, host } = this;
    const name = nameIn(claims, rules);
    if (name === null) {
      const claim = rules.nameClaim ?? 'preferred_username or a verified email';
      throw refused(`${host} does not say who you are: there is no ${claim}`);
    }
    if (!isTokenName(name)) {
      const shown = JSON.stringify(name.slice(0, 64));
      throw refused(
        `${host} calls you ${shown}, which is no name here: a letter or digit, then up to 63 of letters, digits and . _ @ + -`,
      );
    }
    const groups = groupsIn(claims, rules) ?? [];
    if (grantOf(groups, rules) !== null) return { name, groups };
    throw new LoginRefused(
      'OIDC_NO_ROLE',
      `${host} knows you as ${name}, but none of your groups has a role here, so you are not logged in. Ask whoever keeps the groups, or an admin of this server.`,
      name,
    );
  }

  #notBegun(): OperatingError {
    return refused(
      'it was used already, is older than 10 minutes, or was not begun in this tab of this browser; begin again',
    );
  }
}

function refused(why: string): OperatingError {
  return new LoginRefused('OIDC_REFUSED', `The login is not taken: ${why}. Nobody is logged in.`);
}

function newSecret(): string {
  return randomBytes(32).toString('base64url');
}

/** Of 256 random bits. */
function hashOf(secret: string): string {
  return createHash('sha256').update(secret).digest('hex');
}
