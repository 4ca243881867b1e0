/** The dashboard behind a real OpenID Connect provider, in a real browser, on a real server. */
import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { CLIENT, testProvider, type TestProvider } from '../../src/http/oidc-fixture.ts';
import { NEEDS_BROWSER, openBrowser, openPage } from './browser.ts';
import { faults, WITHIN } from './dashboard-door.ts';
import { freePorts } from './ports.ts';
import { canary, openStage, told } from './stage.ts';

test(
  'a browser logs in at a provider, acts under its name, and is told when it has no role',
  NEEDS_BROWSER,
  async () => {
    const closers: (() => Promise<void>)[] = [];
    const scope = { after: (close: () => Promise<void>) => void closers.push(close) };
    try {
      const provider = await testProvider({
        ana: { preferred_username: 'ana', groups: ['deployers'] },
        eve: { preferred_username: 'eve', groups: ['choir'] },
      });
      scope.after(() => provider.close());
      const [port] = await freePorts(1);
      const site = `http://127.0.0.1:${port}`;
      provider.serveFor([site]);
      const stage = await openStage(scope, serverFile(port!, provider.issuer), keepSecret);
      const browser = await openBrowser(scope);
      const { page: login } = await openPage(browser);
      await login.goto(site);
      await login.getByRole('button', { name: /^Log in with/ }).waitFor(WITHIN);
      assert.deepEqual(await faults(login), []);
      await login.emulateMedia({ colorScheme: 'dark' });
      assert.deepEqual(await faults(login, 'colours'), []);

      const through = async (account: string, path: string) => {
        const opened = await openPage(browser);
        const { page } = opened;
        // Its form asks for letters of another site: nothing goes beyond this machine.
        await page.route(/^https?:\/\/(?!127\.0\.0\.1)/, (route) => route.abort());
        await page.goto(site + path);
        await page
          .getByRole('button', { name: `Log in with ${new URL(provider.issuer).host}` })
          .click(WITHIN);
        await page.getByPlaceholder('Enter any login').fill(account, WITHIN);
        await page.getByPlaceholder('and password').fill('any');
        await page.getByRole('button', { name: 'Sign-in' }).click();
        await page.getByRole('button', { name: 'Continue' }).click(WITHIN);
        return opened;
      };

      const { page, complaints } = await through('ana', '/settings');
      // Back where it began, with nothing of the login in the address.
      await page.getByRole('heading', { name: 'Settings' }).waitFor(WITHIN);
      assert.equal(page.url(), `${site}/settings`);
      await page.getByText('ana', { exact: true }).first().waitFor(WITHIN);
      assert.deepEqual(complaints, []);
      await page.getByRole('button', { name: 'Log out' }).click();
      await page.getByLabel('Your token').waitFor(WITHIN);

      const eve = await through('eve', '/');
      await eve.page.getByText(/knows you as eve, but none of your groups has a role here/).waitFor(WITHIN);
      assert.equal(eve.page.url(), `${site}/`);
      const services = await stage.run(['status']);
      assert.equal(services.code, 0, told(services));
    } finally {
      for (const close of closers.toReversed()) await close();
    }
  },
);

test('who agrees by a provider and by a token of the same name is one person', async () => {
  const closers: (() => Promise<void>)[] = [];
  const scope = { after: (close: () => Promise<void>) => void closers.push(close) };
  try {
    const groups = ['deployers'];
    const provider = await testProvider({
      ana: { preferred_username: 'ana', groups },
      bob: { preferred_username: 'bob', groups },
    });
    scope.after(() => provider.close());
    const [port] = await freePorts(1);
    const site = `http://127.0.0.1:${port}`;
    provider.serveFor([site]);
    const stage = await openStage(scope, serverFile(port!, provider.issuer), keepSecret);
    const app = await stage.app('shop', {
      strategy: canary({ approvals: [{ before: 'start', need: 2 }] }),
    });
    const tokens = await Promise.all(
      ['ana', 'carl'].map(async (name) =>
        (await app.run(['token', 'create', name, '--role', 'operator', '--for', '1h'])).stdout.trim(),
      ),
    );
    const as = (token: string, ...args: string[]) => app.run(args, { env: { BASCULE_TOKEN: token } });
    const approveBy = async (account: string) => {
      const session = await sessionOf(site, account, provider);
      const body = JSON.stringify({});
      const headers = { ...session, origin: site, 'content-type': 'application/json' };
      const response = await fetch(`${site}/api/v1/services/shop/approve`, { method: 'POST', headers, body });
      return { status: response.status, text: await response.text() };
    };

    const begun = await as(tokens[1]!, 'deploy', 'shop', '--version', 'v1', '--detach');
    assert.equal(begun.code, 0, told(begun));
    await app.until('asked for the start', ({ rollout }) => rollout?.approval?.before === 'start');
    const first = await as(tokens[0]!, 'approve', 'shop');
    assert.equal(first.code, 0, told(first));
    const again = await approveBy('ana');
    assert.equal(again.status, 200, again.text);
    const asked = await app.view();
    assert.deepEqual(
      asked.rollout?.approval?.given.map(({ by }) => by),
      ['ana'],
    );
    const other = await approveBy('bob');
    assert.equal(other.status, 200, other.text);
    await app.until('v1', ({ stable }) => stable === 'v1');
    const audit = await app.run(['audit', 'shop', '--json']);
    assert.match(audit.stdout, new RegExp(`oidc ${new URL(provider.issuer).host}, dashboard`));
  } finally {
    for (const close of closers.toReversed()) await close();
  }
});

function serverFile(port: number, issuer: string): string {
  const login = `{issuer: '${issuer}', client-id: ${CLIENT.id}, client-secret: file:oidc, scopes: [openid, profile, groups], roles: {operator: [deployers]}}`;
  return `listeners:\n  - {address: 127.0.0.1, port: ${port}}\nlogin:\n  oidc: ${login}\n`;
}

function keepSecret(stateDirectory: string): void {
  mkdirSync(join(stateDirectory, 'secrets'), { recursive: true, mode: 0o700 });
  writeFileSync(join(stateDirectory, 'secrets', 'oidc'), CLIENT.secret, { mode: 0o600 });
}

/** The headers of a login by the provider. */
async function sessionOf(site: string, account: string, provider: TestProvider) {
  const begun = await fetch(`${site}/session/oidc`, { method: 'POST', headers: { origin: site } });
  const { url, key } = (await begun.json()) as { readonly url: string; readonly key: string };
  const done = await fetch(`${site}/session`, {
    method: 'POST',
    headers: {
      origin: site,
      'content-type': 'application/json',
      cookie: begun.headers.getSetCookie()[0]!.split(';')[0]!,
      'bascule-session': key,
    },
    body: JSON.stringify({ oidc: await provider.visit(url, account) }),
  });
  const session = (await done.json()) as { readonly key: string };
  return { cookie: done.headers.getSetCookie()[0]!.split(';')[0]!, 'bascule-session': session.key };
}
