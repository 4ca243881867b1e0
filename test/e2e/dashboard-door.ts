import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import type { Browser, Locator, Page } from 'playwright-core';
import { openBrowser, openPage, type Watched } from './browser.ts';
import { freePorts } from './ports.ts';
import { openStage, told, type App, type Scope, type Settings, type Stage } from './stage.ts';

/** Generous: it only costs where something is broken. */
export const WITHIN = { timeout: 30_000 };
const AXE = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
const MOST_TABS = 80;
const MOST_TRIES = 5;

type AxeResult = {
  readonly passes: readonly unknown[];
  readonly violations: readonly {
    readonly id: string;
    readonly nodes: readonly { readonly html: string }[];
  }[];
};

/** A server with its dashboard at an address of its own, people with tokens, and a browser. */
export type Dashboard = {
  readonly site: string;
  readonly port: number;
  readonly stage: Stage;
  readonly browser: Browser;
  /** Of ana and bob, who are operators, eve, who looks, and root-ana. */
  readonly tokens: ReadonlyMap<string, string>;
  /** A page with somebody logged in, at an address. */
  as(name: string, path: string): Promise<Watched>;
  /** A service whose first version serves. */
  serving(name: string, settings: Settings): Promise<App>;
};

export async function openDashboard(
  scope: Scope,
  { serverFile = '', prepare }: { serverFile?: string; prepare?: (stateDirectory: string) => void } = {},
): Promise<Dashboard> {
  const [port] = await freePorts(1);
  const site = `http://127.0.0.1:${port}`;
  const stage = await openStage(
    scope,
    `listeners:\n  - {address: 127.0.0.1, port: ${port}, names: [localhost]}\n${serverFile}`,
    prepare,
  );
  const tokens = new Map<string, string>();
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
  const browser = await openBrowser(scope);
  return {
    site,
    port: port!,
    stage,
    browser,
    tokens,
    as: async (name, path) => {
      const opened = await openPage(browser);
      await logIn(opened.page, site, tokens.get(name)!);
      if (path !== '/') await opened.page.goto(site + path);
      return opened;
    },
    serving: async (name, settings) => {
      const app = await stage.app(name, settings);
      const ran = await app.deploy('v1');
      assert.equal(ran.code, 0, told(ran));
      return app;
    },
  };
}

export async function logIn(page: Page, site: string, token: string): Promise<void> {
  await page.goto(site);
  await page.getByLabel('Your token').fill(token);
  await page.getByRole('button', { name: 'Log in', exact: true }).click();
  await page.getByRole('heading', { name: 'Overview' }).waitFor(WITHIN);
}

export function button(page: Page | Locator, name: string): Locator {
  return page.getByRole('button', { name, exact: true });
}

/** One that the server would take now, as far as the page knows. */
export function usable(page: Page, name: string): Locator {
  return page.getByRole('button', { name, exact: true, disabled: false });
}

/** Of the dialog that is open. */
export function inDialog(page: Page, name: string): Locator {
  return button(page.getByRole('dialog'), name);
}

/**
 * What axe has to say, best practices included. It is put into the page past the policy, as a tool of the browser's.
 * `colours`: only what another theme can change.
 */
export async function faults(page: Page, about: 'all' | 'colours' = 'all'): Promise<readonly string[]> {
  await page.evaluate(AXE);
  const options = about === 'all' ? {} : { runOnly: ['color-contrast', 'link-in-text-block'] };
  const found = (await page.evaluate(`axe.run(${JSON.stringify(options)})`)) as AxeResult;
  assert.ok(found.passes.length > 0, 'axe looked at nothing');
  return found.violations.flatMap(({ id, nodes }) => nodes.map(({ html }) => `${id}: ${html.slice(0, 160)}`));
}

/** What a browser tells the page when another tab is in front. */
export async function showTab(page: Page, state: 'hidden' | 'visible'): Promise<void> {
  await page.evaluate(
    `Object.defineProperty(document, 'visibilityState', { configurable: true, get: () => '${state}' }); document.dispatchEvent(new Event('visibilitychange'))`,
  );
}

/** Presses Tab until the focus is on what is called so; a link may be named by its address. */
export async function tabTo(page: Page, name: string): Promise<void> {
  const seen: string[] = [];
  for (let presses = 0; presses < MOST_TABS; presses += 1) {
    await page.keyboard.press('Tab');
    const found = (await page.evaluate(
      'const it = document.activeElement; [it?.getAttribute("aria-label"), it?.labels?.[0]?.textContent, it?.textContent, it?.getAttribute("href")].map((one) => (one ?? "").trim().replace(/…$/, ""))',
    )) as readonly string[];
    if (found.includes(name)) return;
    seen.push(found.join(' ').trim().slice(0, 30));
  }
  throw new Error(`no key leads to "${name}", but to ${seen.join(', ')}`);
}

/** Follows a link by keys alone. A card that moves to another place of the page takes the focus away: then once more. */
export async function followByKeys(page: Page, path: string): Promise<void> {
  for (let tries = 0; tries < MOST_TRIES; tries += 1) {
    await tabTo(page, path);
    await page.keyboard.press('Enter');
    const isThere = page.waitForURL((url) => url.pathname === path, { timeout: 6000 });
    if (
      await isThere.then(
        () => true,
        () => false,
      )
    )
      return;
  }
  throw new Error(`no key followed the link to ${path}`);
}
