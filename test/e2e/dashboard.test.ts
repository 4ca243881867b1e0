/** The dashboard in a real browser, on a real server with a real application behind it. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { after, before, describe, test } from 'node:test';
import type { Browser, Page } from 'playwright-core';
import { NEEDS_BROWSER, openBrowser, openPage } from './browser.ts';
import { freePorts } from './ports.ts';
import { canary, lasting, openStage, told, type App, type Stage } from './stage.ts';

/** Generous: it only costs where something is broken. */
const WITHIN = { timeout: 30_000 };
const AXE = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
const HOSTILE = '<img src=x onerror="globalThis.harmed=true"><script>globalThis.harmed=true</script>';

type AxeResult = {
  readonly violations: readonly {
    readonly id: string;
    readonly nodes: readonly { readonly html: string }[];
  }[];
};

describe('the dashboard', NEEDS_BROWSER, () => {
  const closers: (() => Promise<void>)[] = [];
  let stage: Stage;
  let browser: Browser;
  let site: string;
  const tokens = new Map<string, string>();

  before(async () => {
    const scope = { after: (close: () => Promise<void>) => void closers.push(close) };
    const [port] = await freePorts(1);
    site = `http://127.0.0.1:${port}`;
    stage = await openStage(scope, `listeners:\n  - {address: 127.0.0.1, port: ${port}}\n`);
    for (const [name, role] of [
      ['ana', 'operator'],
      ['bob', 'operator'],
      ['eve', 'viewer'],
      ['root-ana', 'admin'],
    ] as const) {
      const made = await stage.run(['token', 'create', name, '--role', role, '--for', '1h']);
      assert.equal(made.code, 0, told(made));
      tokens.set(name, made.stdout.trim());
    }
    browser = await openBrowser(scope);
  });
  after(async () => {
    for (const close of closers.toReversed()) await close();
  });

  /** A page with somebody logged in, at an address. */
  async function as(name: string, path: string): Promise<{ page: Page; complaints: readonly string[] }> {
    const opened = await openPage(browser);
    const { page } = opened;
    await page.goto(site);
    await page.getByLabel('Your token').fill(tokens.get(name)!);
    await page.getByRole('button', { name: 'Log in' }).click();
    await page.getByRole('heading', { name: 'Overview' }).waitFor(WITHIN);
    if (path !== '/') await page.goto(site + path);
    return opened;
  }

  async function serving(name: string, settings: Parameters<App['describe']>[0]): Promise<App> {
    const app = await stage.app(name, settings);
    const ran = await app.deploy('v1');
    assert.equal(ran.code, 0, told(ran));
    return app;
  }

  test('a rollout is watched live and steered by keys alone: login, promote, pause, abort, why, roll back', async () => {
    const app = await serving('shop', {
      strategy: lasting({
        steps: ['10%', '50%', '100%'],
        judge: { 'error-rate': { 'worse-by': '1pp' }, p95: { 'worse-by': '30%' } },
      }),
    });
    const load = app.load({ perSecond: 80 });
    const { page, complaints } = await openPage(browser);
    const { keyboard } = page;
    await page.goto(site);
    await tabTo(page, 'Your token');
    await keyboard.type(tokens.get('ana')!);
    await keyboard.press('Enter');
    await page.getByText('Nothing waits for a person.').waitFor(WITHIN);

    const id = await app.deployDetached('v2');
    await page.getByRole('heading', { name: /^Rolling out/ }).waitFor(WITHIN);
    await tabTo(page, 'shop');
    await keyboard.press('Enter');
    await page.waitForURL(`${site}/rollouts/${id}`, WITHIN);
    await page.getByText(/v2 is asked to get 10 % of the traffic; \d/).waitFor(WITHIN);
    await page
      .getByRole('heading', { name: 'error-rate' })
      .or(page.getByText(/checks are decided/))
      .first()
      .waitFor(WITHIN);

    await tabTo(page, 'Promote');
    await keyboard.press('Enter');
    await page.getByText(/v2 is asked to get 50 % of the traffic; \d/).waitFor(WITHIN);
    await tabTo(page, 'Pause');
    await keyboard.press('Enter');
    await button(page, 'Resume').waitFor(WITHIN);
    assert.equal((await app.view()).rollout?.paused, true);

    await tabTo(page, 'Abort');
    await keyboard.press('Enter');
    await page.getByText(/^This rollout is over/).waitFor(WITHIN);
    assert.equal((await app.untilOver()).last?.outcome, 'aborted');
    assert.match((await app.view()).last!.reason!, /ana/);
    await page.getByRole('link', { name: 'Why' }).first().click();
    await page.waitForURL(`${site}/rollouts/${id}/why`, WITHIN);
    await page.getByRole('heading', { level: 1, name: /v2/ }).waitFor(WITHIN);
    await page.getByRole('heading', { name: 'Time line' }).waitFor(WITHIN);
    await page.getByRole('link', { name: 'Judge it by other limits' }).click();
    await page.getByText(/the same rules give the same verdicts, bit for bit/).waitFor(WITHIN);
    await page.getByLabel('judged').first().uncheck();
    await page.getByText(/^changed rules/i).waitFor(WITHIN);
    await page.getByText(/bascule judge --rollout .* --set [a-z0-9-]+=off/).waitFor(WITHIN);

    await page.goto(`${site}/rollouts/${id}`);
    await button(page, 'Retry').click(WITHIN);
    await button(page, 'Promote to 100 %…').click(WITHIN);
    await page.getByRole('dialog').getByRole('button', { name: 'Promote to 100 %' }).click(WITHIN);
    await app.until('v2 again', ({ stable, rollout }) => stable === 'v2' && rollout === null, {
      withinMs: 60_000,
    });
    await app.describe({ strategy: canary() });
    const done = await app.deploy('v3');
    assert.equal(done.code, 0, told(done));
    await page.goto(`${site}/services/shop`);
    await button(page, 'Roll back').click();
    await app.until('v2 once more', ({ stable, rollout }) => stable === 'v2' && rollout === null);
    await page.getByText('100% on v2').waitFor(WITHIN);
    assert.deepEqual(complaints, []);
    await load.stop();
  });

  test('a second person approves with a note, the first may not, and what they type is text', async () => {
    const app = await serving('asked', { strategy: canary() });
    await app.describe({ strategy: canary({ approvals: [{ before: 'start' }] }) });
    await app.write('version.json', JSON.stringify({ version: 'v2' }));
    const begun = await app.run(['deploy', 'asked', '--version', 'v2', '--detach'], {
      env: { BASCULE_TOKEN: tokens.get('ana')! },
    });
    assert.equal(begun.code, 0, told(begun));
    await app.until('asked for the start', ({ rollout }) => rollout?.approval?.before === 'start');

    const ana = await as('ana', '/services/asked');
    await button(ana.page, 'Approve…').click({ ...WITHIN, force: true });
    await ana.page
      .getByText(/You started this rollout: somebody else has to agree/)
      .first()
      .waitFor(WITHIN);
    const eve = await as('eve', '/services/asked');
    await button(eve.page, 'Abort').click({ ...WITHIN, force: true });
    await eve.page
      .getByText(/Your role is viewer/)
      .first()
      .waitFor(WITHIN);

    const bob = await as('bob', '/');
    await bob.page.getByRole('heading', { name: /^Needs you/ }).waitFor(WITHIN);
    await bob.page.getByText(/Waits for approval before start: 0 of 1/).waitFor(WITHIN);
    await button(bob.page, 'Approve…').first().click();
    await bob.page.getByLabel(/^Note/).fill(HOSTILE);
    await bob.page.getByRole('dialog').getByRole('button', { name: 'Approve' }).click();
    const over = await app.until('v2', ({ stable, rollout }) => stable === 'v2' && rollout === null);
    const locked = await app.run(['lock', 'acquire', 'asked', '--reason', HOSTILE]);
    assert.equal(locked.code, 0, told(locked));

    for (const path of [`/rollouts/${over.last!.id}/why`, '/audit', '/services/asked']) {
      await bob.page.goto(site + path);
      await bob.page.getByText('<img src=x').first().waitFor(WITHIN);
      assert.equal(await bob.page.evaluate('globalThis.harmed'), undefined, path);
      assert.equal(await bob.page.locator('img[src=x]').count(), 0);
    }
    for (const { complaints } of [ana, eve, bob]) assert.deepEqual(complaints, []);
  });

  test('a server that is killed is said to be gone, and is found again by itself, still logged in', async () => {
    await serving('kept', { strategy: canary() });
    const { page, complaints } = await as('ana', '/services/kept');
    await page.getByText('100% on v1').waitFor(WITHIN);

    await stage.controller().stop('SIGKILL');
    await page.getByText('Not connected.').waitFor(WITHIN);
    await stage.serve();
    await page.locator('[data-state=live]').waitFor(WITHIN);
    await page.getByText('Not connected.').waitFor({ ...WITHIN, state: 'detached' });

    // A tab in the background lets go of its connection, and is current again when it is looked at.
    await page.clock.install();
    await page.goto(`${site}/services/kept`);
    await page.locator('[data-state=live]').waitFor(WITHIN);
    await showTab(page, 'hidden');
    await page.clock.fastForward(61_000);
    await page.locator('[data-state=connecting]').waitFor(WITHIN);
    await showTab(page, 'visible');
    await page.locator('[data-state=live]').waitFor(WITHIN);
    await page.getByText('100% on v1').waitFor(WITHIN);
    assert.deepEqual(complaints, []);
    await page.getByRole('button', { name: 'Log out' }).click();
    await page.getByLabel('Your token').waitFor(WITHIN);
    await page.goto(`${site}/audit`);
    await page.getByLabel('Your token').waitFor(WITHIN);
  });

  test('a link of `bascule dashboard` logs in once, and is in no address afterwards', async () => {
    const made = await stage.run(['dashboard']);
    assert.equal(made.code, 0, told(made));
    const link = made.stdout.trim();
    const first = await openPage(browser);
    await first.page.goto(link);
    await first.page.getByText('local (unverified) · admin').waitFor(WITHIN);
    assert.equal(first.page.url(), `${site}/`);

    const second = await openPage(browser);
    await second.page.goto(link);
    await second.page.getByText(/This link was used already/).waitFor(WITHIN);
  });

  test('axe finds nothing on any screen, in both themes, on a phone and on a desk', async () => {
    const app = await serving('seen', { strategy: lasting() });
    const load = app.load({ perSecond: 60 });
    const id = await app.deployDetached('v2');
    await app.untilDwelling();
    await app.until('judged', ({ rollout }) => rollout?.verdict !== null);
    const { page, complaints } = await as('root-ana', '/');
    const screens: readonly (readonly [string, string | RegExp])[] = [
      ['/', /^Rolling out/],
      ['/services/seen', 'seen'],
      [`/rollouts/${id}`, 'Evidence'],
      [`/rollouts/${id}/why`, 'Time line'],
      [`/rollouts/${id}/lab`, 'Limits'],
      ['/history', 'History'],
      ['/audit', 'Audit'],
      ['/settings', 'Tokens'],
      ['/nowhere-at-all', 'There is nothing at this address'],
    ];
    for (const [path, heading] of screens) {
      if (path === '/nowhere-at-all') continue;
      await page.setViewportSize({ width: 1280, height: 900 });
      await page.goto(site + path);
      await page.getByRole('heading', { name: heading }).first().waitFor(WITHIN);
      for (const colorScheme of ['light', 'dark'] as const) {
        await page.emulateMedia({ colorScheme });
        assert.deepEqual(await faults(page), [], `${path} ${colorScheme}`);
      }
      await page.setViewportSize({ width: 390, height: 844 });
      assert.deepEqual(await faults(page), [], `${path} on a phone`);
      const wide = Number(await page.evaluate('document.documentElement.scrollWidth'));
      assert.ok(wide <= 390, `${path} is ${wide} wide on a phone of 390`);
    }
    await page.getByRole('button', { name: 'Log out' }).click();
    await page.getByLabel('Your token').waitFor(WITHIN);
    for (const colorScheme of ['light', 'dark'] as const) {
      await page.emulateMedia({ colorScheme });
      assert.deepEqual(await faults(page), [], `login ${colorScheme}`);
    }
    assert.deepEqual(complaints, []);
    await load.stop();
  });
});

/** What a browser tells the page when another tab is in front. */
async function showTab(page: Page, state: 'hidden' | 'visible'): Promise<void> {
  await page.evaluate(
    `Object.defineProperty(document, 'visibilityState', { configurable: true, get: () => '${state}' }); document.dispatchEvent(new Event('visibilitychange'))`,
  );
}

function button(page: Page, name: string) {
  return page.getByRole('button', { name, exact: true });
}

/** What axe has to say, best practices included. It is put into the page past the policy, as a tool of the browser's. */
async function faults(page: Page): Promise<readonly string[]> {
  await page.evaluate(AXE);
  const { violations } = (await page.evaluate('axe.run()')) as AxeResult;
  return violations.flatMap(({ id, nodes }) => nodes.map(({ html }) => `${id}: ${html.slice(0, 160)}`));
}

/** Presses Tab until the focus is on what is called so. */
async function tabTo(page: Page, name: string): Promise<void> {
  for (let presses = 0; presses < 80; presses += 1) {
    await page.keyboard.press('Tab');
    const found = await page.evaluate(
      'const it = document.activeElement; (it?.labels?.[0]?.textContent ?? it?.textContent ?? "").trim().replace(/…$/, "")',
    );
    if (found === name) return;
  }
  throw new Error(`no key leads to "${name}"`);
}
