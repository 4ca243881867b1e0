import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Provider } from 'oidc-provider';
import { CALLBACK_PATH } from './oidc-logins.ts';
import type { OidcLogin } from '../release/login.ts';

/** A real provider on loopback, with accounts that log in with any password. */
export type TestProvider = {
  readonly issuer: string;
  /** Answers from now on, for dashboards at these origins: neither can know its own address before the other is told. */
  serveFor(origins: readonly string[]): void;
  /** The provider's part of a login: from its address to the query that it sends the browser back with. */
  visit(address: string, account: string): Promise<string>;
  close(): Promise<void>;
};

export type Account = Readonly<Record<string, unknown>>;

export const CLIENT = { id: 'bascule', secret: 'of-the-tests-alone-0123456789abcdef' } as const;

/** `accounts`: the claims of each. */
export async function testProvider(accounts: Readonly<Record<string, Account>>): Promise<TestProvider> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const issuer = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const serveFor = (origins: readonly string[]): void => {
    const provider = new Provider(issuer, {
      clients: [
        {
          client_id: CLIENT.id,
          client_secret: CLIENT.secret,
          redirect_uris: origins.map((origin) => `${origin}${CALLBACK_PATH}`),
          // Native: redirects to http on loopback are not for the web.
          application_type: 'native',
        },
      ],
      cookies: { keys: ['of-the-tests'] },
      claims: {
        openid: ['sub'],
        profile: ['preferred_username'],
        email: ['email', 'email_verified'],
        groups: ['groups'],
      },
      findAccount: (_context: unknown, id: string) => ({
        accountId: id,
        claims: () => ({ sub: id, ...accounts[id] }),
      }),
      pkce: { required: () => true },
    });
    server.on('request', provider.callback());
  };
  return {
    issuer,
    serveFor,
    visit,
    close: async () => {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}

export function rulesFor(issuer: string, more: Partial<OidcLogin> = {}): OidcLogin {
  return {
    issuer,
    clientId: CLIENT.id,
    clientSecret: { from: 'file', name: 'oidc' },
    scopes: ['openid', 'profile', 'email', 'groups'],
    nameClaim: null,
    groupsClaim: 'groups',
    roles: [
      { group: 'platform', role: 'admin', services: null },
      { group: 'deployers', role: 'operator', services: null },
      { group: 'blog-team', role: 'operator', services: ['blog'] },
      { group: 'everybody', role: 'viewer', services: null },
    ],
    sessionMs: 12 * 3_600_000,
    caFile: null,
    timeoutMs: 10_000,
    ...more,
  };
}

const MOST_STEPS = 20;

/** As a browser: follows redirects, keeps cookies, fills in the forms. */
async function visit(address: string, account: string): Promise<string> {
  const cookies = new Map<string, string>();
  let [url, form]: [string, URLSearchParams | null] = [address, null];
  for (let step = 0; step < MOST_STEPS; step += 1) {
    const response: Response = await fetch(url, {
      method: form === null ? 'GET' : 'POST',
      body: form,
      redirect: 'manual',
      headers: { cookie: [...cookies].map(([name, value]) => `${name}=${value}`).join('; ') },
    });
    for (const set of response.headers.getSetCookie()) {
      const [, name, value] = /^([^=]+)=([^;]*)/.exec(set)!;
      cookies.set(name!, value!);
    }
    const text = await response.text();
    const location = response.headers.get('location');
    if (location !== null) {
      const next = new URL(location, url);
      if (next.pathname === CALLBACK_PATH) return next.search.slice(1);
      [url, form] = [next.href, null];
      continue;
    }
    const [, action] = /<form[^>]* action="([^"]+)"/.exec(text) ?? [];
    const [, prompt] = /name="prompt" value="([^"]+)"/.exec(text) ?? [];
    if (action === undefined || prompt === undefined)
      throw new Error(`the provider said ${response.status}: ${text.slice(0, 500)}`);
    url = new URL(action, url).href;
    form = new URLSearchParams({ prompt, ...(prompt === 'login' && { login: account, password: 'any' }) });
  }
  throw new Error('the provider sends on and on');
}
