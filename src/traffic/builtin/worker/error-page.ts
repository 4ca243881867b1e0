import { STATUS_CODES } from 'node:http';
import type { PageKind } from '../../../release/resilience.ts';
import type { ErrorPages } from '../../door-pages.ts';

type ErrorPage = { readonly contentType: string; readonly body: Buffer };

const TYPES: Readonly<Record<PageKind, string>> = {
  html: 'text/html; charset=utf-8',
  json: 'application/json',
  txt: 'text/plain; charset=utf-8',
};

/**
 * A page for browsers, which name HTML first of all, and a line for programs. `text` may hold what somebody else wrote. `pages`: a
 * service's own, which stand in for those that have their kind, as they are.
 */
export function errorPage(
  accept: string | null,
  { status, text }: { readonly status: number; readonly text: string },
  pages: ErrorPages | null = null,
): ErrorPage {
  const wantsHtml = accept !== null && WANTS_HTML.test(accept);
  const own = pages === null ? null : ownPage(pages, status, wantsHtml ? ['html'] : forPrograms(accept));
  if (own !== null) return own;
  if (!wantsHtml) return { contentType: TYPES.txt, body: Buffer.from(`${status} ${text}\n`) };
  return { contentType: TYPES.html, body: Buffer.from(html(status, text)) };
}

const WANTS_HTML =
  /(?:^|,)\s*(?:text\/html|application\/xhtml\+xml)\s*(?:;(?!\s*q=0(?:\.0*)?\s*(?:,|$))|,|$)/i;
const WANTS_TEXT = /(?:^|,)\s*text\/plain\s*(?:;(?!\s*q=0(?:\.0*)?\s*(?:,|$))|,|$)/i;

/** Who does not say gets JSON where there is some: most programs read that. */
function forPrograms(accept: string | null): readonly PageKind[] {
  return accept !== null && WANTS_TEXT.test(accept) ? ['txt', 'json'] : ['json', 'txt'];
}

function ownPage(pages: ErrorPages, status: number, kinds: readonly PageKind[]): ErrorPage | null {
  for (const kind of kinds) {
    const text = pages[status]?.[kind] ?? pages['default']?.[kind];
    if (text !== undefined) return { contentType: TYPES[kind], body: Buffer.from(text) };
  }
  return null;
}

function html(status: number, text: string): string {
  const title = `${status} ${STATUS_CODES[status] ?? ''}`.trim();
  return `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>${title}</title>
<style>:root{color-scheme:light dark}body{font:1rem/1.5 system-ui,sans-serif;max-width:36rem;margin:15vh auto;padding:0 1rem}</style>
<h1>${title}</h1>
<p>${escaped(text)}</p>
`;
}

function escaped(text: string): string {
  return text.replace(/[&<>"']/g, (each) => `&#${each.charCodeAt(0)};`);
}
