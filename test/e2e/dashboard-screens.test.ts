/** Every screen of the dashboard as it is seen: by axe, in both themes, on a phone, on paper. */
import assert from 'node:assert/strict';
import { request } from 'node:http';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import type { Page } from 'playwright-core';
import { NEEDS_BROWSER, openPage } from './browser.ts';
import { openLine } from './cut-line.ts';
import { button, faults, logIn, openDashboard, usable, WITHIN, type Dashboard } from './dashboard-door.ts';
import { lasting, told, type App } from './stage.ts';

const DESK = { width: 1280, height: 900 };
const PHONE = { width: 390, height: 844 };
const JUDGE = { 'error-rate': { 'worse-by': '1pp' }, p95: { 'worse-by': '30%' } };

describe('the screens of the dashboard', NEEDS_BROWSER, () => {
  const closers: (() => Promise<void>)[] = [];
  let dashboard: Dashboard;
  let app: App;
  /** A rollout under way, and one that was taken back. */
  let live: string;
  let over: string;
  let admin: Page;
  let complaints: readonly string[];

  before(async () => {
    dashboard = await openDashboard(
      { after: (close) => void closers.push(close) },
      {
        serverFile: `freezes:\n  - {cron: '0 16 * * FRI', for: 64h, time-zone: Europe/Berlin, services: [other], reason: weekend}\n`,
      },
    );
    ({ page: admin, complaints } = await dashboard.as('root-ana', '/'));
    await admin.getByRole('heading', { name: 'No services yet' }).waitFor(WITHIN);
    await assertSeen(admin, 'an overview without services');
    app = await dashboard.serving('seen', { strategy: lasting({ judge: JUDGE }) });
    app.load({ perSecond: 60 });
    over = await app.deployDetached('v2');
    await app.until('judged', ({ rollout }) => rollout?.verdict !== null);
    const back = await app.verb('abort');
    assert.equal(back.code, 0, told(back));
    await app.untilOver();
    live = await app.deployDetached('v3');
    await app.untilDwelling();
    await app.until('judged', ({ rollout }) => rollout?.verdict !== null);
  });
  after(async () => {
    for (const close of closers.toReversed()) await close();
  });

  test('axe finds nothing on any screen', async () => {
    for (const [path, heading] of [
      ['/', /^Rolling out/],
      ['/services/seen', 'Rollouts'],
      [`/rollouts/${live}`, 'Evidence'],
      [`/rollouts/${over}`, 'Steps'],
      [`/rollouts/${over}/why`, 'Time line'],
      [`/rollouts/${over}/lab`, 'The last verdict'],
      ['/history', 'History'],
      ['/audit', 'Audit'],
      ['/settings', 'Limits and what is kept'],
    ] as const) {
      await admin.goto(dashboard.site + path);
      await admin.getByRole('heading', { name: heading }).first().waitFor(WITHIN);
      await assertSeen(admin, path);
    }
    await admin.goto(`${dashboard.site}/rollouts/${live}`);
    await admin.getByRole('heading', { name: 'Evidence' }).waitFor(WITHIN);
    const plots = admin.getByRole('button', { name: /^Show as table/ });
    // They are made alike; each has a row for every point.
    await plots.first().click();
    await admin.getByRole('group', { name: /, as a table$/ }).waitFor(WITHIN);
    await assertSeen(admin, 'a plot as a table');
    assert.deepEqual(complaints, []);
  });

  test('what is measured elsewhere and what another judge looks at have a course, with one cursor for all', async () => {
    const window = { interval: '1s', delay: '0s' };
    const measured = await dashboard.serving('measured', {
      strategy: lasting({
        sticky: 'none',
        judge: { signups: { pushed: 'signups', 'fewer-by': '60%', ...window } },
      }),
    });
    const limited = await dashboard.serving('limited', {
      strategy: lasting({
        judge: { use: { limits: { interval: '1s', 'failure-limit': 100, max: { 'error-rate': '1%' } } } },
      }),
    });
    for (const each of [measured, limited]) each.load({ perSecond: 30 });
    const pushing = setInterval(() => {
      for (const version of ['v1', 'v2']) push(dashboard.stage.stateDirectory, version);
    }, 300);
    closers.push(async () => clearInterval(pushing));
    const ids = [await measured.deployDetached('v2'), await limited.deployDetached('v2')];
    await measured.until('measured', ({ rollout }) =>
      (rollout?.verdict?.measures ?? []).some(
        ({ candidate, stable }) => candidate !== null && stable !== null,
      ),
    );
    await limited.until('looked', ({ rollout }) =>
      (rollout?.verdict?.looks ?? []).some(({ state }) => state !== 'no-data'),
    );

    await admin.goto(`${dashboard.site}/rollouts/${ids[0]}`);
    const measure = admin.getByRole('region', { name: 'Measure signups' });
    await measure
      .getByRole('img', { name: /^Candidate minus stable, in percent of stable,/ })
      .waitFor(WITHIN);
    await measure.getByRole('img', { name: /v2 .* \/ 1000, v1 .* \/ 1000/ }).waitFor(WITHIN);
    await admin.getByLabel('Moment').press('Home');
    const shown = await admin.locator('figure .now').allTextContents();
    assert.ok(shown.length >= 3, shown.join('; '));
    // Each is at the point that is nearest to the moment: a measure has its first one a little later.
    const seconds = shown.map((text) => Date.parse(`2026-01-01T${text.slice(0, 8)}Z`) / 1000);
    assert.ok(Math.max(...seconds) - Math.min(...seconds) < 60, shown.join('; '));
    await assertSeen(admin, 'a rollout with a measure');

    await admin.goto(`${dashboard.site}/rollouts/${ids[1]}`);
    const looks = admin.getByRole('region', { name: 'What the judge looks at' });
    await looks.getByRole('img', { name: /^Failed now: [01] of 1\.$/ }).waitFor(WITHIN);
    await looks.getByRole('button', { name: /^Show as table/ }).click();
    await looks
      .getByRole('cell', { name: /passed|failed/ })
      .first()
      .waitFor(WITHIN);
    await assertSeen(admin, 'a rollout by another judge');
    assert.deepEqual(complaints, []);
  });

  test('axe finds nothing in dialogs', async () => {
    for (const [path, names] of [
      ['/services/seen', ['Set share…', 'Promote to 100 %…', 'Deploy instead…', 'Lock…', 'Freeze…']],
      ['/settings', ['New token…', 'Freeze everything…']],
    ] as const) {
      await admin.goto(dashboard.site + path);
      for (const name of names) {
        await usable(admin, name).click(WITHIN);
        await admin.getByRole('dialog').waitFor(WITHIN);
        await admin.emulateMedia({ colorScheme: 'light' });
        assert.deepEqual(await faults(admin), [], `${name}, light`);
        await admin.emulateMedia({ colorScheme: 'dark' });
        assert.deepEqual(await faults(admin, 'colours'), [], `${name}, dark`);
        await admin.keyboard.press('Escape');
        await admin.getByRole('dialog').waitFor({ ...WITHIN, state: 'detached' });
      }
    }
    await admin
      .getByRole('button', { name: /^Revoke/ })
      .first()
      .click(WITHIN);
    await admin.getByRole('dialog').waitFor(WITHIN);
    assert.deepEqual(await faults(admin), [], 'Revoke');
    await admin.keyboard.press('Escape');
    assert.deepEqual(complaints, []);
  });

  test('axe finds nothing where something went wrong', async () => {
    const line = await openLine({ after: (close) => void closers.push(close) }, dashboard.port);
    const site = `http://localhost:${line.port}`;
    const { page } = await openPage(dashboard.browser);
    await page.goto(site);
    await page.getByLabel('Your token').fill('bsc_nobody');
    await button(page, 'Log in').click();
    await page.getByRole('alert').getByText(/./).waitFor(WITHIN);
    await assertSeen(page, 'a refused login');
    await logIn(page, site, dashboard.tokens.get('eve')!);
    for (const [path, words] of [
      ['/services/none', /There is no service none/],
      ['/rollouts/r-none', /r-none/],
      ['/rollouts/r-none/why', /r-none/],
      ['/rollouts/r-none/lab', /r-none/],
      ['/services/Not-A-Name', /There is nothing at this address/],
    ] as const) {
      await page.goto(site + path);
      await page.getByText(words).first().waitFor(WITHIN);
      await page.locator('[data-state=live]').waitFor(WITHIN);
      await assertSeen(page, path);
    }
    await page.goto(`${site}/`);
    await page.getByRole('heading', { name: /^Rolling out/ }).waitFor(WITHIN);
    line.cut();
    await page.getByText('Not connected.').waitFor(WITHIN);
    await assertSeen(page, 'not connected');
  });

  test('a theme is that of the system until somebody chooses one, which stays', async () => {
    const { page } = await openPage(dashboard.browser, { colorScheme: 'dark' });
    const paper = () => page.evaluate('getComputedStyle(document.documentElement).backgroundColor');
    await logIn(page, dashboard.site, dashboard.tokens.get('eve')!);
    const dark = await paper();
    await page.emulateMedia({ colorScheme: 'light' });
    const light = await paper();
    assert.notEqual(light, dark);
    await button(page, 'Theme: auto').click();
    await button(page, 'Theme: light').click();
    assert.equal(await paper(), dark, 'chosen, whatever the system says');
    await page.reload();
    await button(page, 'Theme: dark').waitFor(WITHIN);
    assert.equal(await paper(), dark);
    await page.emulateMedia({ colorScheme: 'dark' });
    await button(page, 'Theme: dark').click();
    assert.equal(await paper(), dark, 'the system says so');
    await button(page, 'Theme: auto').click();
    assert.equal(await paper(), light);
  });

  test('why is printed whole, in black on white, without what is only for a screen', async () => {
    await admin.goto(`${dashboard.site}/rollouts/${over}/why`);
    await admin.getByRole('heading', { name: 'Time line' }).waitFor(WITHIN);
    const checks = await admin.getByRole('region', { name: 'Checks' }).getByRole('row').count();
    assert.ok(checks > 1);
    // A4 at 96 dots an inch, less the margins.
    await admin.setViewportSize({ width: 718, height: 1000 });
    await admin.emulateMedia({ media: 'print', colorScheme: 'dark' });
    for (const hidden of [admin.getByRole('navigation'), button(admin, 'Print'), button(admin, 'Log out')])
      assert.equal(await hidden.isVisible(), false);
    const seen = (await admin.evaluate(`(() => {
      const style = getComputedStyle(document.documentElement);
      const cut = [...document.querySelectorAll('main *')].filter((it) => {
        const box = it.getBoundingClientRect();
        const isUnseen = it.closest('.unseen') !== null;
        return !isUnseen && box.width > 0 && (box.right > innerWidth + 1 || it.scrollWidth > it.clientWidth + 1 && getComputedStyle(it).overflowX !== 'visible');
      });
      return { paper: style.backgroundColor, ink: style.color, cut: cut.map((it) => it.tagName + ' ' + it.textContent.trim().slice(0, 60)) };
    })()`)) as { paper: string; ink: string; cut: readonly string[] };
    assert.deepEqual(seen, { paper: 'rgb(255, 255, 255)', ink: 'rgb(0, 0, 0)', cut: [] });
    const pdf = await admin.pdf({ format: 'A4' });
    assert.equal(pdf.subarray(0, 5).toString(), '%PDF-');
    await admin.emulateMedia({ media: null, colorScheme: null });
    await admin.setViewportSize(DESK);
  });
});

/** On a desk in both themes, and on a phone, where nothing may be wider than it. */
async function assertSeen(page: Page, what: string): Promise<void> {
  await page.emulateMedia({ colorScheme: 'light' });
  assert.deepEqual(await faults(page), [], `${what}, light`);
  await page.emulateMedia({ colorScheme: 'dark' });
  assert.deepEqual(await faults(page, 'colours'), [], `${what}, dark`);
  await page.setViewportSize(PHONE);
  const wide = Number(await page.evaluate('document.documentElement.scrollWidth'));
  assert.ok(wide <= PHONE.width, `${what} is ${wide} wide on a phone of ${PHONE.width}`);
  assert.deepEqual(await faults(page), [], `${what}, on a phone`);
  await page.setViewportSize(DESK);
}

/** As an application does it, over the socket. */
function push(stateDirectory: string, version: string): void {
  const sent = request({
    socketPath: join(stateDirectory, 'sockets', 'operator.sock'),
    method: 'POST',
    path: '/api/v1/services/measured/measures',
    headers: { 'content-type': 'application/json' },
    agent: false,
  });
  // A version that is not there yet is refused, which is no harm.
  sent.on('error', () => undefined).on('response', (response) => response.resume());
  sent.end(JSON.stringify({ version, measures: { signups: 20 } }));
}
