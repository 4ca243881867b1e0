/** The dashboard in a real browser, on a real server with a real application behind it. */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { NEEDS_BROWSER, openPage } from './browser.ts';
import {
  button,
  followByKeys,
  inDialog,
  logIn,
  openDashboard,
  showTab,
  tabTo,
  usable,
  WITHIN,
  type Dashboard,
} from './dashboard-door.ts';
import { openLine } from './cut-line.ts';
import { canary, lasting, told } from './stage.ts';

const HOSTILE = '<img src=x onerror="globalThis.harmed=true"><script>globalThis.harmed=true</script>';
const JUDGE = { 'error-rate': { 'worse-by': '1pp' }, p95: { 'worse-by': '30%' } };

describe('the dashboard', NEEDS_BROWSER, () => {
  const closers: (() => Promise<void>)[] = [];
  let dashboard: Dashboard;

  before(async () => {
    dashboard = await openDashboard({ after: (close) => void closers.push(close) });
  });
  after(async () => {
    for (const close of closers.toReversed()) await close();
  });

  test('a rollout is watched live and steered by keys alone: login, promote, pause, abort, why, lab, roll back', async () => {
    const { site, browser, tokens } = dashboard;
    const app = await dashboard.serving('shop', {
      strategy: lasting({ steps: ['10%', '50%', '100%'], judge: JUDGE }),
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
    await followByKeys(page, `/rollouts/${id}`);
    await page.getByText(/v2 is asked to get 10 % of the traffic; \d/).waitFor(WITHIN);
    await page.getByRole('heading', { name: 'error-rate' }).waitFor(WITHIN);

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
    await tabTo(page, 'Why');
    await keyboard.press('Enter');
    await page.waitForURL(`${site}/rollouts/${id}/why`, WITHIN);
    await page.getByRole('heading', { level: 1, name: /v2/ }).waitFor(WITHIN);
    await page.getByRole('heading', { name: 'Time line' }).waitFor(WITHIN);
    await tabTo(page, 'Judge it by other limits');
    await keyboard.press('Enter');
    await page.getByText(/the same rules give the same verdicts, bit for bit/).waitFor(WITHIN);
    await tabTo(page, 'Limit of error-rate');
    await keyboard.press('ArrowRight');
    await page.getByText(/^changed rules/i).waitFor(WITHIN);
    await page.getByText(/bascule judge --rollout .* --set error-rate=1\.1pp/).waitFor(WITHIN);

    await page.goto(`${site}/rollouts/${id}`);
    await usable(page, 'Retry').waitFor(WITHIN);
    await tabTo(page, 'Retry');
    await keyboard.press('Enter');
    await usable(page, 'Promote to 100 %…').waitFor(WITHIN);
    await tabTo(page, 'Promote to 100 %');
    await keyboard.press('Enter');
    await inDialog(page, 'Promote to 100 %').waitFor(WITHIN);
    // A dialog begins at its first button; Escape would leave it.
    await page.keyboard.press('Enter');
    await app.until('v2 again', ({ stable, rollout }) => stable === 'v2' && rollout === null, {
      withinMs: 60_000,
    });
    await app.describe({ strategy: canary() });
    const done = await app.deploy('v3');
    assert.equal(done.code, 0, told(done));
    await page.goto(`${site}/services/shop`);
    await page.getByText('100% on v3').waitFor(WITHIN);
    await tabTo(page, 'Roll back');
    await keyboard.press('Enter');
    await app.until('v2 once more', ({ stable, rollout }) => stable === 'v2' && rollout === null);
    await page.getByText('100% on v2').waitFor(WITHIN);
    assert.deepEqual(complaints, []);
    await load.stop();
  });

  test('a version that was taken back says why, and the lab what other limits would have done', async () => {
    const app = await dashboard.serving('worse', {
      strategy: canary({ dwell: { 'at-least': '5s', 'at-most': '60s' }, sticky: 'none', judge: JUDGE }),
    });
    const load = app.load({ perSecond: 120 });
    const ran = await app.deploy('v2', { errorRate: 0.04 });
    assert.equal(ran.code, 10, told(ran));
    const id = (await app.view()).last!.id;

    const { page, complaints } = await dashboard.as('eve', `/rollouts/${id}/why`);
    await page.getByText('ROLLED BACK').first().waitFor(WITHIN);
    const row = page.getByRole('row', { name: /^error-rate/ });
    await row.getByText('worse').waitFor(WITHIN);
    await page.goto(`${dashboard.site}/rollouts/${id}/lab`);
    const stages = page.getByRole('region', { name: 'What the rules would have done first' });
    await stages.getByText(/^goes back/).waitFor(WITHIN);
    await page.getByLabel('Limit of error-rate').press('End');
    await page.getByText(/^changed rules/i).waitFor(WITHIN);
    await stages.getByText(/^goes back/).waitFor({ ...WITHIN, state: 'detached' });
    await button(page, 'Its own limits').click();
    await stages.getByText(/^goes back/).waitFor(WITHIN);
    assert.deepEqual(complaints, []);
    await load.stop();
  });

  test('a second person approves with a note, the first may not, and what they type is text', async () => {
    const { site, tokens } = dashboard;
    const app = await dashboard.serving('asked', { strategy: canary() });
    await app.describe({ strategy: canary({ approvals: [{ before: 'start' }] }) });
    await app.write('version.json', JSON.stringify({ version: 'v2' }));
    const begun = await app.run(['deploy', 'asked', '--version', 'v2', '--detach'], {
      env: { BASCULE_TOKEN: tokens.get('ana')! },
    });
    assert.equal(begun.code, 0, told(begun));
    await app.until('asked for the start', ({ rollout }) => rollout?.approval?.before === 'start');

    const ana = await dashboard.as('ana', '/services/asked');
    await button(ana.page, 'Approve…').click({ ...WITHIN, force: true });
    await ana.page
      .getByText(/Approve: .*somebody else has to agree/i)
      .first()
      .waitFor(WITHIN);
    const eve = await dashboard.as('eve', '/services/asked');
    await button(eve.page, 'Abort').click({ ...WITHIN, force: true });
    await eve.page
      .getByText(/Abort: It needs the role operator, and yours is viewer/)
      .first()
      .waitFor(WITHIN);

    const bob = await dashboard.as('bob', '/');
    await bob.page.getByRole('heading', { name: /^Needs you/ }).waitFor(WITHIN);
    await bob.page.getByText(/Waits for approval before start: 0 of 1/).waitFor(WITHIN);
    await button(bob.page, 'Approve…').first().click();
    await bob.page.getByLabel(/^Note/).fill(HOSTILE);
    await inDialog(bob.page, 'Approve').click();
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

  test('a page that lost its connection says so, and shows what happened meanwhile when it has it again', async () => {
    const app = await dashboard.serving('followed', { strategy: lasting() });
    await app.deployDetached('v2');
    await app.untilDwelling();
    const line = await openLine({ after: (close) => void closers.push(close) }, dashboard.port);
    const { page, complaints } = await openPage(dashboard.browser);
    const site = `http://localhost:${line.port}`;
    await logIn(page, site, dashboard.tokens.get('ana')!);
    await page.goto(`${site}/services/followed`);
    await button(page, 'Pause').waitFor(WITHIN);

    line.cut();
    await page.getByText('Not connected.').waitFor(WITHIN);
    await page.getByText(/What you see was true at .* and may not be any more/).waitFor(WITHIN);
    const paused = await app.verb('pause');
    assert.equal(paused.code, 0, told(paused));
    assert.equal(await button(page, 'Resume').count(), 0, 'it cannot know');
    line.mend();
    await button(page, 'Resume').waitFor(WITHIN);
    await page.getByText('Not connected.').waitFor({ ...WITHIN, state: 'detached' });
    assert.deepEqual(complaints, []);
  });

  test('a server that is killed is said to be gone, and is found again by itself, still logged in', async () => {
    const { site, stage } = dashboard;
    const app = await dashboard.serving('kept', { strategy: canary() });
    const { page, complaints } = await dashboard.as('ana', '/services/kept');
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
    const locked = await app.run(['lock', 'acquire', 'kept', '--reason', 'seen by nobody yet']);
    assert.equal(locked.code, 0, told(locked));
    assert.equal(await page.getByText(/seen by nobody yet/).count(), 0);
    await showTab(page, 'visible');
    await page.locator('[data-state=live]').waitFor(WITHIN);
    await page
      .getByText(/seen by nobody yet/)
      .first()
      .waitFor(WITHIN);
    assert.deepEqual(complaints, []);
    await page.getByRole('button', { name: 'Log out' }).click();
    await page.getByLabel('Your token').waitFor(WITHIN);
    await page.goto(`${site}/audit`);
    await page.getByLabel('Your token').waitFor(WITHIN);
  });

  test('a link of `bascule dashboard` logs in once, and is in no address afterwards', async () => {
    const { site, stage, browser } = dashboard;
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
});
