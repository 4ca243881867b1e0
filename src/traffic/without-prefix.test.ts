import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import * as fc from 'fast-check';
import { withPrefix, type Upstream } from '../lib/upstream.ts';
import { cookieWithout, locationWithout, takeBackPrefix } from './without-prefix.ts';

const CANARY: Upstream = { host: '127.0.0.1', port: 5000, pathPrefix: '/canary' };
const HOST = 'shop.example.com';

describe('Location', () => {
  const cases: readonly (readonly [location: string, becomes: string])[] = [
    ['/canary', '/'],
    ['/canary/', '/'],
    ['/canary/x?q=/canary#/canary', '/x?q=/canary#/canary'],
    ['/canary?q=1', '/?q=1'],
    ['/canary#top', '/#top'],
    ['/canaryx', '/canaryx'],
    ['/canar', '/canar'],
    ['/Canary/x', '/Canary/x'],
    ['/', '/'],
    ['/login', '/login'],
    ['', ''],
    ['x', 'x'],
    ['canary/x', 'canary/x'],
    ['../canary/x', '../canary/x'],
    ['?q=/canary', '?q=/canary'],
    ['#/canary', '#/canary'],
    ['http://shop.example.com/canary/x', 'http://shop.example.com/x'],
    ['https://shop.example.com/canary/x', 'https://shop.example.com/x'],
    ['HTTP://SHOP.example.com/canary', 'HTTP://SHOP.example.com/'],
    ['http://shop.example.com:80/canary/x', 'http://shop.example.com:80/x'],
    ['https://shop.example.com:443/canary/x', 'https://shop.example.com:443/x'],
    ['https://shop.example.com:80/canary/x', 'https://shop.example.com:80/canary/x'],
    ['//shop.example.com/canary/x', '//shop.example.com/x'],
    ['http://shop.example.com', 'http://shop.example.com'],
    ['http://shop.example.com?q', 'http://shop.example.com?q'],
    ['http://shop.example.com/canaryx', 'http://shop.example.com/canaryx'],
    ['http://127.0.0.1:5000/canary/x?q=1#f', '/x?q=1#f'],
    ['http://127.0.0.1:5000/canary', '/'],
    ['//127.0.0.1:5000/canary/x', '/x'],
    ['http://127.0.0.1:5000/login', 'http://127.0.0.1:5000/login'],
    ['https://127.0.0.1:5000/canary/x', 'https://127.0.0.1:5000/canary/x'],
    ['http://127.0.0.1:5001/canary/x', 'http://127.0.0.1:5001/canary/x'],
    ['http://elsewhere.example/canary/x', 'http://elsewhere.example/canary/x'],
    ['//elsewhere.example/canary/x', '//elsewhere.example/canary/x'],
    ['http://shop.example.com@elsewhere.example/canary', 'http://shop.example.com@elsewhere.example/canary'],
    ['mailto:canary@example.com', 'mailto:canary@example.com'],
  ];
  for (const [location, becomes] of cases)
    test(`"${location}" becomes "${becomes}"`, () => {
      assert.equal(locationWithout(CANARY, location, [HOST]), becomes);
    });

  test('never becomes the name of another host', () => {
    for (const trick of ['/canary//evil.example', '/canary/\\evil.example', '/canary/\t/evil.example']) {
      const location = locationWithout(CANARY, trick, [HOST]);
      assert.equal(new URL(location, 'http://shop.example.com/').host, HOST, JSON.stringify(location));
    }
  });

  test('on a host with a port, and one that a trusted proxy named', () => {
    const hosts = ['127.0.0.1:8080', 'www.example.com'];

    assert.equal(locationWithout(CANARY, 'http://127.0.0.1:8080/canary/x', hosts), 'http://127.0.0.1:8080/x');
    assert.equal(
      locationWithout(CANARY, 'https://www.example.com/canary/x', hosts),
      'https://www.example.com/x',
    );
    assert.equal(locationWithout(CANARY, 'http://127.0.0.1/canary/x', hosts), 'http://127.0.0.1/canary/x');
  });

  test('a request without a host has no host to compare with', () => {
    assert.equal(locationWithout(CANARY, 'http:///canary/x', ['']), 'http:///canary/x');
  });
});

describe('Set-Cookie', () => {
  const cases: readonly (readonly [cookie: string, becomes: string])[] = [
    ['a=1', 'a=1'],
    ['a=1; Path=/canary', 'a=1; Path=/'],
    ['a=1; Path=/canary/', 'a=1; Path=/'],
    ['a=1; HttpOnly;path=/canary/admin ; Secure', 'a=1; HttpOnly;path=/admin ; Secure'],
    ['a=1; Path=/canaryx', 'a=1; Path=/canaryx'],
    ['a=1; Path=/', 'a=1; Path=/'],
    ['a=1; Path=', 'a=1; Path='],
    ['a=Path=/canary', 'a=Path=/canary'],
    ['path=/canary; Max-Age=1', 'path=/canary; Max-Age=1'],
    ['a=1; Domain=example.com; Path=/canary; SameSite=Lax', 'a=1; Domain=example.com; Path=/; SameSite=Lax'],
  ];
  for (const [cookie, becomes] of cases)
    test(`"${cookie}" becomes "${becomes}"`, () => {
      assert.equal(cookieWithout('/canary', cookie), becomes);
    });
});

const segment = fc.stringMatching(/^[A-Za-z0-9._~-]{1,8}$/).filter((text) => text !== '.' && text !== '..');
const prefix = fc
  .tuple(fc.array(segment, { minLength: 1, maxLength: 3 }), fc.boolean())
  .map(([segments, slash]) => `/${segments.join('/')}${slash ? '/' : ''}`);
const target = fc
  .tuple(fc.array(segment, { maxLength: 4 }), fc.constantFrom('', '?q=1', '?u=/canary/#x', '#top', '?'))
  .map(([segments, rest]) => `/${segments.join('/')}${rest}`);

test('what was put before a path is taken back, whole, with its query and fragment', () => {
  fc.assert(
    fc.property(
      prefix,
      target,
      fc.constantFrom('', `http://${HOST}`, `//${HOST}`),
      (pathPrefix, path, origin) => {
        const upstream = { ...CANARY, pathPrefix };
        const below = withPrefix(pathPrefix, path).replace(/^([^?]*)#/, '$1#');

        // A fragment is no part of a request: only Location can carry one.
        const isRoot = path.startsWith('/#');
        const location = origin + (isRoot ? pathPrefix + path.slice(1) : below);

        assert.equal(locationWithout(upstream, location, [HOST]), origin + path);
      },
    ),
  );
});

test('other hosts are never touched, whatever stands behind them', () => {
  fc.assert(
    fc.property(
      prefix,
      target,
      segment,
      fc.constantFrom('http:', 'https:', ''),
      (pathPrefix, path, name, scheme) => {
        const upstream = { ...CANARY, pathPrefix };
        const location = `${scheme}//${name}.test${withPrefix(pathPrefix, path)}`;

        assert.equal(locationWithout(upstream, location, [HOST]), location);
      },
    ),
  );
});

test('any text at all stays on its host, and gives text without new control characters', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary-ascii' }), (text) => {
      const location = locationWithout(CANARY, `/canary${text}`, [HOST]);
      const before = URL.parse(`/canary${text}`, `http://${HOST}/`);
      const after = URL.parse(location, `http://${HOST}/`);

      assert.equal(after?.host, before?.host);
    }),
  );
});

test('a cookie keeps everything but its path', () => {
  const word = fc.stringMatching(/^[A-Za-z0-9=/ ]{0,12}$/);
  fc.assert(
    fc.property(prefix, target, word, word, (pathPrefix, path, value, other) => {
      const plain = path.replace(/[?#].*$/, '');
      const cookie = `a=${value}; ${other}; Path=${withPrefix(pathPrefix, plain)}; Secure`;
      const without = cookieWithout(pathPrefix, cookie);

      assert.ok(without.startsWith(`a=${value};`) && without.endsWith(`; Path=${plain}; Secure`), without);
    }),
  );
});

test('all fields but two pass as they are', () => {
  const headers = ['Location', '/canary/x', 'X-Location', '/canary/x', 'set-cookie', 'a=1; Path=/canary'];

  takeBackPrefix(CANARY, headers, [HOST]);

  assert.deepEqual(headers, ['Location', '/x', 'X-Location', '/canary/x', 'set-cookie', 'a=1; Path=/']);
});
