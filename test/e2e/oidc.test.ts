/** The dashboard behind a real OpenID Connect provider, in a real browser, on a real server. */
import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { CLIENT, testProvider } from '../../src/http/oidc-fixture.ts';
import { NEEDS_BROWSER, openBrowser, openPage } from './browser.ts';
import { freePorts } from './ports.ts';
import { openStage, told } from './stage.ts';

/** Generous: it only costs where something is broken. */
const WITHIN = { timeout: 30_000 };

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
      const login = `{issuer: '${provider.issuer}', client-id: ${CLIENT.id}, client-secret: file:oidc, scopes: [openid, profile, groups], roles: {operator: [deployers]}}`;
      const stage = await openStage(
        scope,
        `listeners:\n  - {address: 127.0.0.1, port: ${port}}\nlogin:\n  oidc: ${login}\n`,
        (directory) => {
          mkdirSync(join(directory, 'secrets'), { recursive: true, mode: 0o700 });
          writeFileSync(join(directory, 'secrets', 'oidc'), CLIENT.secret, { mode: 0o600 });
        },
      );
      const browser = await openBrowser(scope);
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
