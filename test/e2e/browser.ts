import { existsSync } from 'node:fs';
import { chromium, type Browser, type BrowserContextOptions, type Page } from 'playwright-core';
import type { Scope } from './stage.ts';

/** Of the system: none is fetched. */
const PROGRAMS = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'];

export const CHROMIUM = PROGRAMS.find((path) => existsSync(path)) ?? null;

/** For `test`'s options: why tests in a browser are skipped, said loudly by the reporter. */
export const NEEDS_BROWSER = {
  skip: CHROMIUM === null ? 'SKIPPED: no Chromium here (apt-get install chromium)' : false,
} as const;

/** A headless browser, ended with the test. */
export async function openBrowser(scope: Scope): Promise<Browser> {
  const browser = await chromium.launch({
    executablePath: CHROMIUM!,
    // In a container there is no other user to drop to, and little shared memory.
    args: ['--no-sandbox', '--disable-dev-shm-usage', '--force-color-profile=srgb'],
  });
  scope.after(() => browser.close());
  return browser;
}

export type Watched = {
  readonly page: Page;
  /** What the browser itself complained about: errors of scripts, what the content security policy refused. */
  readonly complaints: readonly string[];
};

/** A page of its own with nobody logged in. */
export async function openPage(browser: Browser, options: BrowserContextOptions = {}): Promise<Watched> {
  const context = await browser.newContext({ viewport: { width: 1280, height: 900 }, ...options });
  const page = await context.newPage();
  const complaints: string[] = [];
  page.on('pageerror', (error) => complaints.push(error.message));
  page.on('console', (message) => {
    // What could not be loaded is expected of a server that is stopped.
    if (message.type() === 'error' && !/Failed to load resource/.test(message.text()))
      complaints.push(message.text());
  });
  return { page, complaints };
}
