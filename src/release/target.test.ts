import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { formatUpstream } from '../lib/upstream.ts';
import { readConfig } from './read.ts';
import { readTarget, TARGET } from './target.ts';

test('what is written is where requests go', () => {
  assert.deepEqual(readTarget('http://127.0.0.1:8001'), { host: '127.0.0.1', port: 8001, pathPrefix: '' });
  assert.deepEqual(readTarget('http://Blue.Internal'), { host: 'blue.internal', port: 80, pathPrefix: '' });
  assert.deepEqual(readTarget('http://[::1]:80/'), { host: '::1', port: 80, pathPrefix: '' });
  assert.deepEqual(readTarget('http://a:1/b/c'), { host: 'a', port: 1, pathPrefix: '/b/c' });
  assert.deepEqual(readTarget('http://a:1/b/'), { host: 'a', port: 1, pathPrefix: '/b/' });
  assert.deepEqual(readTarget('unix:/run/app.sock'), { host: 'unix:/run/app.sock', port: 0, pathPrefix: '' });
  assert.deepEqual(readTarget('http://a:1/.well-known/b'), {
    host: 'a',
    port: 1,
    pathPrefix: '/.well-known/b',
  });
});

test('a socket has a path that the system can hold, and nothing behind it', () => {
  const path = `/${'a'.repeat(106)}`;

  assert.equal(typeof readTarget(`unix:${path}`), 'object');
  for (const [text, wrong] of [
    [`unix:${path}a`, /at most 107 bytes/],
    ['unix:run/app.sock', /not absolute/],
    ['unix:/run/../app.sock', /letters, digits/],
    ['unix:/run/app.sock:/x', /letters, digits/],
    ['unix:/run/a b', /letters, digits/],
    ['unix:', /not absolute/],
  ] as const)
    assert.match(readTarget(text) as string, wrong, text);
});

test('any text is a target that reads back as itself, or is refused in words, and never throws', () => {
  const near = fc.tuple(
    fc.constantFrom('http://', 'https://', 'http:/', '', 'HTTP://', 'unix:', 'unix:/a'),
    fc.constantFrom('a', '127.0.0.1', '[::1]', '::1', 'u@a', 'a..b', '-a', '1.2.3', ''),
    fc.constantFrom('', ':80', ':0', ':70000', ':'),
    fc.string({
      unit: fc.constantFrom('/', '.', '..', 'a', '-', '?', '#', '%', '\r', '\n', ' ', '~'),
      maxLength: 6,
    }),
  );
  fc.assert(
    fc.property(
      fc.oneof(
        near.map((parts) => parts.join('')),
        fc.string(),
      ),
      (text) => {
        const read = readTarget(text);
        if (typeof read === 'string') return read !== '';
        assert.match(text, TARGET, 'editors take it too');
        assert.deepEqual(readTarget(formatUpstream(read)), read);
        assert.match(read.pathPrefix, /^(?:(?:\/[A-Za-z0-9._~-]+)+\/?)?$/);
        return true;
      },
    ),
    { numRuns: 2000 },
  );
});

test('a service with targets is complete: replicas by slot, nothing to run', () => {
  const targets = { blue: 'http://a:1', green: ['http://b:1', 'http://b:2/canary'] };

  const result = readConfig({ version: 1, services: { shop: { targets, listen: 8080 } } });

  assert.ok(result.ok);
  const { shop } = result.config.services;
  assert.deepEqual(shop!.targets!.blue, [{ host: 'a', port: 1, pathPrefix: '' }]);
  assert.deepEqual(shop!.scale, { replicas: 2, maxReplicas: 2 });
  assert.equal(shop!.release.run, null);
  assert.equal(shop!.current, null);
});
