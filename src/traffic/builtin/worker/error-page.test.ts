import assert from 'node:assert/strict';
import { test } from 'node:test';
import { errorPage } from './error-page.ts';

const BROWSER = 'text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8';

test('browsers get a page, programs a line', () => {
  for (const [accept, isPage] of [
    [BROWSER, true],
    ['text/html', true],
    ['Text/HTML;q=0.5', true],
    ['application/json, text/html;q=0.1', true],
    [undefined, false],
    ['*/*', false],
    ['application/json', false],
    ['text/html;q=0', false],
    ['text/html;q=0.0, */*', false],
    ['text/htmlx', false],
  ] as const) {
    const { contentType, body } = errorPage(accept, 503, 'not in service yet');
    assert.equal(contentType, `text/${isPage ? 'html' : 'plain'}; charset=utf-8`, String(accept));
    assert.equal(isPage, body.toString().startsWith('<!doctype html>'));
    assert.match(body.toString(), /503.*not in service yet/s);
  }
});

test('what an application wrote is text in the page', () => {
  const { body } = errorPage(BROWSER, 502, 'malformed header (<script>"&\'</script>)');

  assert.doesNotMatch(body.toString(), /<script>/);
  assert.match(body.toString(), /&#60;script&#62;&#34;&#38;&#39;/);
});
