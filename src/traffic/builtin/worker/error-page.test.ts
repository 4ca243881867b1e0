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
    [null, false],
    ['*/*', false],
    ['application/json', false],
    ['text/html;q=0', false],
    ['text/html;q=0.0, */*', false],
    ['text/htmlx', false],
  ] as const) {
    const { contentType, body } = errorPage(accept, { status: 503, text: 'not in service yet' });
    assert.equal(contentType, `text/${isPage ? 'html' : 'plain'}; charset=utf-8`, String(accept));
    assert.equal(isPage, body.toString().startsWith('<!doctype html>'));
    assert.match(body.toString(), /503.*not in service yet/s);
  }
});

test('what an application wrote is text in the page', () => {
  const { body } = errorPage(BROWSER, {
    status: 502,
    text: 'malformed header (<script>"&\'</script>)',
  });

  assert.doesNotMatch(body.toString(), /<script>/);
  assert.match(body.toString(), /&#60;script&#62;&#34;&#38;&#39;/);
});

test('a page of one’s own stands in for the proxy’s of its kind, that of the status before the default', () => {
  const pages = {
    503: { html: '<p>busy', json: '{"busy":true}' },
    default: { html: '<p>sorry', txt: 'sorry' },
  };
  const shown = (accept: string | null, status: number): string => {
    const { contentType, body } = errorPage(accept, { status, text: 'why' }, pages);
    return `${contentType.split(';')[0]} ${body.toString()}`;
  };

  assert.equal(shown(BROWSER, 503), 'text/html <p>busy');
  assert.equal(shown('*/*', 503), 'application/json {"busy":true}');
  assert.equal(shown('text/plain', 503), 'text/plain sorry');
  assert.equal(shown('application/json', 502), 'text/plain sorry');
  assert.equal(shown(null, 502), 'text/plain sorry');
  assert.equal(shown(BROWSER, 502), 'text/html <p>sorry');
});

test('without one of the kind it is the proxy’s own', () => {
  const { contentType, body } = errorPage(BROWSER, { status: 503, text: 'why' }, { default: { json: '{}' } });

  assert.match(contentType, /html/);
  assert.match(body.toString(), /<p>why/);
});
