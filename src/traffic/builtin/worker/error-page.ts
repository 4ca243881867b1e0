import { STATUS_CODES } from 'node:http';

type ErrorPage = { readonly contentType: string; readonly body: Buffer };

/** A page for browsers, which name HTML first of all, and a line for programs. `text` may hold what somebody else wrote. */
export function errorPage(accept: string | undefined, status: number, text: string): ErrorPage {
  if (accept === undefined || !WANTS_HTML.test(accept))
    return { contentType: 'text/plain; charset=utf-8', body: Buffer.from(`${status} ${text}\n`) };
  return { contentType: 'text/html; charset=utf-8', body: Buffer.from(html(status, text)) };
}

const WANTS_HTML =
  /(?:^|,)\s*(?:text\/html|application\/xhtml\+xml)\s*(?:;(?!\s*q=0(?:\.0*)?\s*(?:,|$))|,|$)/i;

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
