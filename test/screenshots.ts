/** `npm run screenshots`: every screen of the dashboard in both themes, of a real server in the middle of things, into docs/screenshots. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Page } from 'playwright-core';
import { CLIENT, testProvider } from '../src/http/oidc-fixture.ts';
import { httpReceiver } from '../src/notify/receivers-fixture.ts';
import { CHROMIUM, openBrowser, openPage } from './e2e/browser.ts';
import { freePorts } from './e2e/ports.ts';
import { canary, lasting, openStage, told, type App, type Stage } from './e2e/stage.ts';

const INTO = join(import.meta.dirname, '../docs/screenshots');
const JUDGE = { 'error-rate': { 'worse-by': '1pp' }, p95: { 'worse-by': '30%' } };
/** So long there is traffic before the pictures are taken: plots of a minute say something. */
const WATCHED_MS = 60_000;
const QUALITY = 82;

const closers: (() => Promise<void>)[] = [];
const scope = { after: (close: () => Promise<void>) => void closers.push(close) };

try {
  if (CHROMIUM === null) throw new Error('no Chromium here: apt-get install chromium');
  await take();
} finally {
  for (const close of closers.toReversed()) await close();
}

async function take(): Promise<void> {
  const [port] = await freePorts(1);
  const site = `http://127.0.0.1:${port}`;
  const stage = await openStage(scope, await serverFile(port!), keepSecrets);
  const tokens = await people(stage);
  const { failed, live } = await story(stage, tokens);
  const browser = await openBrowser(scope);
  const screens: readonly (readonly [name: string, path: string, seen: string])[] = [
    ['overview', '/', 'Needs you'],
    ['service', '/services/shop', 'Rollouts'],
    ['rollout', `/rollouts/${live}`, 'error-rate'],
    ['why', `/rollouts/${failed}/why`, 'Time line'],
    ['lab', `/rollouts/${failed}/lab`, 'Limits'],
    ['history', '/history', 'History'],
    ['audit', '/audit', 'Audit'],
    ['settings', '/settings', 'Limits and what is kept'],
  ];
  mkdirSync(INTO, { recursive: true });
  for (const theme of ['light', 'dark'] as const) {
    const { page } = await openPage(browser, { colorScheme: theme });
    await page.goto(site);
    await page.getByRole('button', { name: /^Log in with/ }).waitFor();
    await capture(page, `login-${theme}`);
    await page.getByLabel('Your token').fill(tokens.get('carla')!);
    await page.keyboard.press('Enter');
    await page.getByRole('heading', { name: 'Overview' }).waitFor();
    for (const [name, path, seen] of screens) {
      await page.goto(site + path);
      await page.getByRole('heading', { name: seen }).first().waitFor();
      await page.waitForLoadState('networkidle', { timeout: 2000 }).catch(() => undefined);
      if (name === 'settings') await testChannels(page);
      await capture(page, `${name}-${theme}`);
    }
    await page.goto(`${site}/services/images`);
    await page.getByRole('button', { name: 'Deploy…' }).click();
    await page.getByLabel('Version').waitFor();
    await capture(page, `deploy-${theme}`, { isWhole: false });
    await page.goto(`${site}/services/images`);
    await page.getByRole('button', { name: 'Freeze…' }).click();
    await page.getByLabel('How long').selectOption('8 hours');
    await capture(page, `freeze-${theme}`, { isWhole: false });
    await page.setViewportSize({ width: 390, height: 844 });
    for (const [name, path] of [screens[0]!, screens[2]!]) {
      await page.goto(site + path);
      await page.waitForLoadState('networkidle', { timeout: 2000 }).catch(() => undefined);
      await capture(page, `${name}-phone-${theme}`);
    }
  }
}

/** As an afternoon's server has it: a login by a provider, channels, a freeze every weekend. */
async function serverFile(port: number): Promise<string> {
  const provider = await testProvider({});
  scope.after(() => provider.close());
  provider.serveFor([`http://127.0.0.1:${port}`]);
  const taking = await httpReceiver();
  const refusing = await httpReceiver((response) => {
    response.statusCode = 410;
    response.end();
  });
  scope.after(async () => {
    taking.close();
    refusing.close();
  });
  return `listeners:
  - {address: 127.0.0.1, port: ${port}}
login:
  oidc: {issuer: '${provider.issuer}', client-id: ${CLIENT.id}, client-secret: file:oidc, roles: {operator: [deployers], viewer: [everybody]}}
notify:
  ops: {kind: webhook, url: '${taking.url}', secret: file:hook}
  night: {kind: webhook, url: '${refusing.url}', secret: file:hook, about: waits}
freezes:
  - {cron: '0 16 * * FRI', for: 64h, time-zone: Europe/Berlin, services: [billing], also: advancing, reason: weekend}
`;
}

function keepSecrets(stateDirectory: string): void {
  const directory = join(stateDirectory, 'secrets');
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  writeFileSync(join(directory, 'oidc'), CLIENT.secret, { mode: 0o600 });
  writeFileSync(join(directory, 'hook'), 'h'.repeat(40), { mode: 0o600 });
}

async function testChannels(page: Page): Promise<void> {
  for (const name of ['ops', 'night'])
    await page.getByRole('button', { name: `Send a test to ${name}` }).click();
  await page.getByText(/answered 200/).waitFor();
  await page.getByText(/answered 410/).waitFor();
}

/** `isWhole`: as far as the page goes; a dialog stands in what is seen of it. */
async function capture(page: Page, name: string, { isWhole = true } = {}): Promise<void> {
  const session = await page.context().newCDPSession(page);
  const { cssContentSize, cssLayoutViewport } = await session.send('Page.getLayoutMetrics');
  const clip = {
    x: 0,
    y: 0,
    width: cssLayoutViewport.clientWidth,
    height: isWhole ? Math.max(cssContentSize.height, 500) : cssLayoutViewport.clientHeight,
    scale: 1,
  };
  const { data } = await session.send('Page.captureScreenshot', {
    format: 'webp',
    quality: QUALITY,
    captureBeyondViewport: true,
    clip,
  });
  const bytes = Buffer.from(data, 'base64');
  writeFileSync(join(INTO, `${name}.webp`), bytes);
  console.log(`${name}.webp ${Math.round(bytes.length / 1024)} KiB`);
}

async function people(stage: Stage): Promise<ReadonlyMap<string, string>> {
  const tokens = new Map<string, string>();
  for (const [name, role] of [
    ['ana', 'operator'],
    ['bob', 'operator'],
    ['carla', 'admin'],
    ['screen-in-the-hall', 'viewer'],
  ] as const) {
    const made = await stage.run(['token', 'create', name, '--role', role]);
    if (made.code !== 0) throw new Error(told(made));
    tokens.set(name, made.stdout.trim());
  }
  return tokens;
}

/** What a server may look like on an afternoon. */
async function story(
  stage: Stage,
  tokens: ReadonlyMap<string, string>,
): Promise<{ readonly failed: string; readonly live: string }> {
  const ana = { env: { BASCULE_TOKEN: tokens.get('ana')! } };
  const bob = { env: { BASCULE_TOKEN: tokens.get('bob')! } };
  const release = async (app: App, version: string, more: object = {}, ...flags: string[]) => {
    await app.write('version.json', JSON.stringify({ version, ...more }));
    return app.run(['deploy', app.name, '--version', version, ...flags], ana);
  };
  const quiet = ['images', 'mail', 'search'];
  const calm = await Promise.all(
    quiet.map((name) => stage.app(name, { replicas: name === 'search' ? 2 : 1, strategy: canary() })),
  );
  for (const version of ['v11', 'v12']) for (const app of calm) await release(app, version);
  const billing = await stage.app('billing', {
    strategy: canary({
      steps: ['20%', '100%'],
      dwell: { 'at-least': '20s', 'at-most': '40s' },
      judge: JUDGE,
    }),
  });
  const checkout = await stage.app('checkout', { strategy: canary() });
  const shop = await stage.app('shop', {
    strategy: lasting({ steps: ['5%', '25%', '50%', '100%'], judge: JUDGE }),
  });
  await Promise.all([release(billing, 'v7'), release(checkout, 'v3'), release(shop, 'v42')]);
  billing.load({ perSecond: 80 });
  shop.load({ perSecond: 160, users: 4000 });
  await checkout.describe({
    strategy: canary({ approvals: [{ before: 'start', need: 2, of: ['bob', 'carla', 'dan'] }] }),
  });
  await release(checkout, 'v4', {}, '--detach');
  await checkout.until('asked', ({ rollout }) => rollout?.approval !== null);
  await checkout.run(['approve', 'checkout', '--reason', 'read the diff'], bob);
  await stage.run(['freeze', 'mail', '--for', '8h', '--reason', 'newsletter goes out'], bob);
  await stage.run(['lock', 'acquire', 'search', '--reason', 'index is being rebuilt'], bob);

  await release(billing, 'v8', { errorRate: 0.12, slowdown: 1.6 });
  const failed = (await billing.view()).last!.id;
  const begun = await release(shop, 'v43', { slowdown: 1.05 }, '--detach');
  const live = begun.stdout.trim();
  await shop.untilDwelling();
  await new Promise((resolve) => setTimeout(resolve, WATCHED_MS / 4));
  await shop.run(['promote', 'shop'], ana);
  await new Promise((resolve) => setTimeout(resolve, WATCHED_MS));
  return { failed, live };
}
