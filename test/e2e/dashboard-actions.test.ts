/** What the dashboard does beside steering a rollout: versions, locks, freezes, tokens, channels. Each is done in a browser and looked for at the server. */
import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { httpReceiver, type HttpReceiver } from '../../src/notify/receivers-fixture.ts';
import { NEEDS_BROWSER, openPage } from './browser.ts';
import { button, inDialog, logIn, openDashboard, usable, WITHIN, type Dashboard } from './dashboard-door.ts';
import { canary, lasting, told } from './stage.ts';

describe('actions of the dashboard', NEEDS_BROWSER, () => {
  const closers: (() => Promise<void>)[] = [];
  let dashboard: Dashboard;
  let well: HttpReceiver;
  let broken: HttpReceiver;

  before(async () => {
    well = await httpReceiver();
    broken = await httpReceiver((response) => {
      response.statusCode = 503;
      response.end('no room');
    });
    dashboard = await openDashboard(
      { after: (close) => void closers.push(close) },
      {
        serverFile: `notify:\n  ops: {kind: webhook, url: '${well.url}', secret: file:hook}\n  pager: {kind: webhook, url: '${broken.url}', secret: file:hook}\n`,
        prepare: (stateDirectory) => {
          mkdirSync(join(stateDirectory, 'secrets'), { recursive: true, mode: 0o700 });
          writeFileSync(join(stateDirectory, 'secrets/hook'), 's'.repeat(40), { mode: 0o600 });
        },
      },
    );
  });
  after(async () => {
    for (const close of closers.toReversed()) await close();
    well.close();
    broken.close();
  });

  test('a version that was made here is deployed again, past a freeze with a reason, and gone back from by name', async () => {
    const app = await dashboard.serving('again', { strategy: canary({ 'keep-old': '0s' }) });
    for (const version of ['v2', 'v3']) {
      const ran = await app.deploy(version);
      assert.equal(ran.code, 0, told(ran));
    }
    const { page, complaints } = await dashboard.as('ana', '/services/again');
    await usable(page, 'Deploy…').click(WITHIN);
    await page.getByLabel('Version').selectOption('v2', WITHIN);
    assert.equal(await page.getByLabel(/^Go past the freeze/).count(), 0, 'nothing is frozen');
    await inDialog(page, 'Deploy').click();
    await app.until('v2 again', ({ stable, rollout }) => stable === 'v2' && rollout === null);
    const deployed = (await history(app.name)).find(({ label }) => label === 'v2');
    assert.deepEqual([deployed?.purpose, deployed?.actor], ['deploy', 'ana']);

    const frozen = await app.run(['freeze', 'again', '--reason', 'stocktaking']);
    assert.equal(frozen.code, 0, told(frozen));
    await page.getByText(/Frozen .*stocktaking/).waitFor(WITHIN);
    await usable(page, 'Deploy…').click(WITHIN);
    await page.getByLabel('Version').selectOption('v3', WITHIN);
    await inDialog(page, 'Deploy').click();
    assert.equal(await page.getByRole('dialog').count(), 1, 'not without a reason');
    await page.getByLabel(/^Go past the freeze/).fill('the till is down');
    await inDialog(page, 'Deploy').click();
    await app.until('v3', ({ stable, rollout }) => stable === 'v3' && rollout === null);
    await page.goto(`${dashboard.site}/audit`);
    await page.getByText('the till is down').first().waitFor(WITHIN);

    await page.goto(`${dashboard.site}/services/again`);
    await usable(page, 'Roll back to…').click(WITHIN);
    await page.getByLabel('Version').selectOption('v1', WITHIN);
    await inDialog(page, 'Roll back to').click();
    await app.until('v1', ({ stable, rollout }) => stable === 'v1' && rollout === null);
    assert.deepEqual(complaints, []);
  });

  test('a lock says whose it is, and is broken by others with a reason; viewers change nothing', async () => {
    const app = await dashboard.serving('held', { strategy: lasting() });
    const ana = await dashboard.as('ana', '/services/held');
    await usable(ana.page, 'Lock…').click(WITHIN);
    await ana.page.getByLabel(/^Reason/).fill('sale on friday');
    await ana.page.getByLabel('How long').selectOption('1 hour');
    await inDialog(ana.page, 'Lock').click();
    const locked = await app.until('locked', ({ lock }) => lock !== null);
    assert.deepEqual([locked.lock?.by, locked.lock?.reason], ['ana', 'sale on friday']);
    // Both by the server's clock, in two looks at it.
    const minutes = (locked.lock!.untilMs! - locked.lock!.atMs) / 60_000;
    assert.equal(Math.round(minutes), 60);

    const bob = await dashboard.as('bob', '/services/held');
    await bob.page.getByText(/Locked by ana: sale on friday/).waitFor(WITHIN);
    await button(bob.page, 'Deploy…').click({ ...WITHIN, force: true });
    await bob.page
      .getByText(/Deploy: .*locked by ana.*sale on friday/)
      .first()
      .waitFor(WITHIN);
    await usable(bob.page, 'Break the lock…').click();
    await bob.page.getByLabel(/^Reason/).fill('ana is on a plane');
    await inDialog(bob.page, 'Break the lock').click();
    await app.until('not locked', ({ lock }) => lock === null);
    await usable(ana.page, 'Lock…').waitFor(WITHIN);

    const eve = await dashboard.as('eve', '/services/held');
    await button(eve.page, 'Lock…').click({ ...WITHIN, force: true });
    await eve.page
      .getByText(/Lock: It needs the role operator, and yours is viewer/)
      .first()
      .waitFor(WITHIN);
    for (const { complaints } of [ana, bob, eve]) assert.deepEqual(complaints, []);
  });

  test('a freeze that also holds rollouts is gone past by a promote with a reason, and is lifted', async () => {
    const app = await dashboard.serving('still', { strategy: lasting() });
    await app.deployDetached('v2');
    await app.untilDwelling();
    const { page, complaints } = await dashboard.as('bob', '/services/still');
    await usable(page, 'Freeze…').click(WITHIN);
    await page.getByLabel(/^Note/).fill('stocktaking');
    await page.getByLabel('How long').selectOption('until a date…');
    await page.getByLabel(/^Until/).fill('2099-12-31T08:00');
    await page.getByLabel(/Rollouts under way stay where they are/).check();
    await inDialog(page, 'Freeze').click();
    const frozen = await app.until('frozen', ({ freezes }) => freezes.length === 1);
    const untilMs = await page.evaluate("new Date('2099-12-31T08:00').getTime()");
    assert.deepEqual(
      frozen.freezes.map((one) => [one.by, one.alsoAdvancing, one.untilMs]),
      [['bob', true, untilMs]],
    );

    await usable(page, 'Promote…').click(WITHIN);
    await page.getByLabel(/^Go past the freeze/).fill('agreed with ana');
    await inDialog(page, 'Promote').click();
    await app.until('v2 serves', ({ stable, rollout }) => stable === 'v2' && rollout === null);
    await usable(page, 'Unfreeze').click(WITHIN);
    await app.until('not frozen', ({ freezes }) => freezes.length === 0);
    assert.deepEqual(complaints, []);
  });

  test('an admin makes a token that is shown once and logs in, and revokes it, which ends the login', async () => {
    const { page, complaints } = await dashboard.as('root-ana', '/settings');
    await usable(page, 'New token…').click(WITHIN);
    await page.getByLabel('Whose').fill('dan');
    await page.getByLabel('Role').selectOption('viewer');
    await page.getByRole('textbox', { name: /^Services/ }).fill('held, still');
    await page.getByLabel('Good for').selectOption('7 days');
    await inDialog(page, 'Make it').click();
    const shown = page.getByRole('dialog').getByLabel('Token', { exact: true });
    await shown.waitFor(WITHIN);
    const text = await shown.inputValue();
    assert.match(text, /^bsc_/);
    await inDialog(page, 'Done').click();
    const row = page.getByRole('row', { name: /\bdan\b/ });
    await row.getByText('held, still').waitFor(WITHIN);
    assert.ok(!(await page.content()).includes(text), 'it is nowhere any more');

    const dan = await openPage(dashboard.browser);
    await logIn(dan.page, dashboard.site, text);
    await dan.page.getByText('dan · viewer').waitFor(WITHIN);
    await row.getByRole('button', { name: /^Revoke/ }).click();
    await inDialog(page, 'Revoke').click();
    await row.getByText('revoked').waitFor(WITHIN);
    await dan.page.goto(`${dashboard.site}/history`);
    await dan.page.getByLabel('Your token').waitFor(WITHIN);
    assert.deepEqual(complaints, []);
  });

  test('each channel is tested by itself and says what came of it; everything is frozen and thawed', async () => {
    const { page, complaints } = await dashboard.as('root-ana', '/settings');
    const before = well.got.length;
    await usable(page, 'Send a test to ops').click(WITHIN);
    await page
      .getByRole('row', { name: /^ops/ })
      .getByText(/taken.*answered 200 in \d+ ms/)
      .waitFor(WITHIN);
    assert.ok(well.got.length > before);
    await usable(page, 'Send a test to pager').click(WITHIN);
    await page
      .getByRole('row', { name: /^pager/ })
      .getByText(/not taken.*answered 503/)
      .waitFor(WITHIN);

    await usable(page, 'Freeze everything…').click();
    await inDialog(page, 'Freeze everything').click();
    await page.getByText(/Frozen by root-ana, with every service/).waitFor(WITHIN);
    await usable(page, 'Unfreeze').click();
    await page.getByText('Nobody has frozen everything.').waitFor(WITHIN);

    const eve = await dashboard.as('eve', '/settings');
    await eve.page.getByRole('region', { name: 'Tokens' }).getByText(/admin/).waitFor(WITHIN);
    await button(eve.page, 'Freeze everything…').click({ ...WITHIN, force: true });
    await eve.page
      .getByText(/Freeze everything: .*viewer/)
      .first()
      .waitFor(WITHIN);
    assert.equal(await eve.page.getByText(/^bsc_/).count(), 0);
    for (const each of [complaints, eve.complaints]) assert.deepEqual(each, []);
  });

  async function history(
    service: string,
  ): Promise<readonly { label: string; purpose: string; actor: string }[]> {
    const ran = await dashboard.stage.run(['history', service, '--json']);
    assert.equal(ran.code, 0, told(ran));
    return (JSON.parse(ran.stdout) as { rollouts: { label: string; purpose: string; actor: string }[] })
      .rollouts;
  }
});
