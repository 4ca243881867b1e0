import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { onAddress, type Upstream } from '../../lib/upstream.ts';
import type { Door, Route } from '../router.ts';
import { searchPath } from '../proxy-command.ts';
import { MANAGED } from './conformance.ts';
import { checkPlan, type ServicePlan } from './plan.ts';
import { cliWord, escapeRegex, quote, quoteFormat } from './quote.ts';
import { digestOf, renderMain, renderServices } from './render.ts';

const ENV = { ...process.env, PATH: searchPath() };
const HAPROXY = spawnSync('haproxy', ['-v'], { env: ENV }).status === 0;
const UPDATE = process.env['UPDATE_GOLDEN'] === '1';
const HEALTH = { path: '/healthz', intervalMs: 1000, timeoutMs: 1000, rise: 3, fall: 2 };

function doorOf(change: Partial<Door>, spec: Partial<Door['spec']> = {}): Door {
  return {
    service: 'shop',
    spec: {
      listen: { address: '0.0.0.0', port: 8080 },
      host: null,
      path: '/',
      proxy: MANAGED,
      drainMs: 30_000,
      streamGraceMs: 60_000,
      trustForwarded: false,
      maxBodyBytes: null,
      ...spec,
    },
    health: { blue: HEALTH, green: HEALTH },
    sticky: { by: 'cookie' },
    salt: '00112233445566778899aabbccddeeff',
    slots: { blue: [at(8201), at(8202)], green: [at(8203), at(8204)] },
    preview: null,
    ...change,
  };
}

function at(port: number): Upstream {
  return onAddress({ host: '127.0.0.1', port });
}

const ROUTE: Route = {
  service: 'shop',
  revision: 3,
  serve: 'blue',
  split: null,
  replicas: { blue: 1, green: 0 },
  standIn: true,
};

function planOf(door: Door, route: Route | null = null): ServicePlan {
  return {
    door,
    proxy: MANAGED,
    route,
    mapFile: `/var/lib/bascule/haproxy/maps/${door.service}.map`,
    pemFile: null,
    hold: null,
  };
}

const HOLD = { relay: { host: '127.0.0.1', port: 8400 }, back: '/tmp/bascule-hold' };
const preview = { blue: { host: '127.0.0.1', port: 8301 }, green: { host: '127.0.0.1', port: 8302 } };
const canary = [{ host: '127.0.0.1', port: 8001, pathPrefix: '/canary' }];
const root = [{ host: '127.0.0.1', port: 8001, pathPrefix: '' }];
const CASES: Readonly<Record<string, readonly ServicePlan[]>> = {
  'new-service': [planOf(doorOf({}))],
  'everything-else': [
    planOf(
      doorOf(
        { preview, sticky: { by: 'header', header: 'X-User' } },
        { host: 'shop.example.com', path: '/app', trustForwarded: true, maxBodyBytes: 1_048_576 },
      ),
      ROUTE,
    ),
  ],
  'two-on-one-listener': [
    planOf(doorOf({ service: 'api', sticky: { by: 'none' } }, { path: '/api' }), {
      ...ROUTE,
      service: 'api',
    }),
    planOf(doorOf({ service: 'by-address', sticky: { by: 'address' } }, { host: 'a.example.com' })),
    planOf(doorOf({}), ROUTE),
  ],
  'hold-and-override': [
    {
      ...planOf(
        doorOf(
          { override: { header: 'x-version', allow: { kind: 'secret', secret: 'a-secret-of-some-length' } } },
          { host: 'shop.example.com' },
        ),
        { ...ROUTE, hold: { maxMs: 1000, maxRequests: 10, maxBytes: 1_000_000 } },
      ),
      hold: HOLD,
    },
    planOf(
      doorOf(
        {
          service: 'by-network',
          override: {
            header: 'x-version',
            allow: { kind: 'networks', networks: ['10.0.0.0/8', 'fd00::/8', '10.0.0.0/8'] },
          },
        },
        { trustForwarded: true },
      ),
    ),
  ],
  'below-a-path': [planOf(doorOf({ slots: { blue: root, green: canary } }), ROUTE)],
};

for (const [name, plans] of Object.entries(CASES)) {
  test(`golden/${name}`, () => {
    const text = renderServices(plans, 'fd@9');
    const file = join(import.meta.dirname, 'golden', `${name}.cfg`);
    if (UPDATE) writeFileSync(file, text);
    assert.equal(text, readFileSync(file, 'utf8'));
  });

  test(`HAProxy takes ${name}`, { skip: HAPROXY ? false : 'haproxy is not installed' }, () => {
    assert.equal(complaint(plans), '');
  });
}

test('the use of servers is not what it is loaded anew for', () => {
  const door = doorOf({ preview });
  const one = renderServices([planOf(door)], 'fd@9');
  const other = renderServices([planOf(door, ROUTE)], 'fd@9');
  assert.notEqual(one, other);
  assert.equal(digestOf(one), digestOf(other));
  assert.notEqual(digestOf(one), digestOf(renderServices([planOf(doorOf({}))], 'fd@9')));
});

const hostile = fc.string({ unit: 'grapheme', maxLength: 40 }).filter((text) => !/\p{Cc}/u.test(text));

test('whatever stands in a value, it is one word on its line and HAProxy reads what was written', () => {
  fc.assert(
    fc.property(hostile, (value) => {
      const word = quote(value);
      // As HAProxy's reader does: within single quotes nothing is special; outside, `\'` is a quote.
      assert.equal(
        word
          .replaceAll(String.raw`'\''`, '\u0000')
          .slice(1, -1)
          .replaceAll('\u0000', "'"),
        value,
      );
      assert.match(word, /^'[^']*'(?:\\''[^']*')*$/);
    }),
  );
});

test('a control character is refused, in files and in commands', () => {
  for (const value of ['a\nb', 'a\rb', 'a\u0000b', 'a\u007fb']) {
    assert.throws(() => quote(value), RangeError);
    assert.throws(() => quoteFormat(value), RangeError);
    assert.throws(() => cliWord(value), RangeError);
  }
});

test('an escaped value matches itself and nothing else', () => {
  fc.assert(
    fc.property(hostile, hostile, (value, other) => {
      const pattern = new RegExp(`^${escapeRegex(value)}$`);
      assert.ok(pattern.test(value));
      assert.equal(pattern.test(other), value === other);
    }),
  );
});

test(
  'values that try to be directives stay values',
  { skip: HAPROXY ? false : 'haproxy is not installed' },
  () => {
    const sayings = [
      `/x' } http-request deny #`,
      '/%[env(HOME)]%{+X}',
      '/$HOME/"quoted"/\\',
      '/a b) ,map(/etc/passwd)',
      '/${HOME}|(.*)[a-',
    ];
    for (const saying of sayings) {
      const health = { ...HEALTH, path: saying };
      const slots = { blue: root, green: [{ ...canary[0]!, pathPrefix: saying }] };
      const allow = { kind: 'secret', secret: saying } as const;
      const plan = {
        ...planOf(
          doorOf(
            { health: { blue: health, green: health }, slots, override: { header: 'x-version', allow } },
            { path: saying, host: `x'y"z` },
          ),
          ROUTE,
        ),
        hold: HOLD,
      };
      assert.equal(complaint([plan]), '', saying);
      const directives = renderServices([plan], 'fd@9')
        .split('\n')
        .map((line) => line.trim().split(' ')[0]);
      const plain = renderServices(
        [
          {
            ...planOf(
              doorOf(
                {
                  slots: { blue: root, green: canary },
                  override: { header: 'x-version', allow: { kind: 'secret', secret: 's' } },
                },
                { path: '/x', host: 'h' },
              ),
              ROUTE,
            ),
            hold: HOLD,
          },
        ],
        'fd@9',
      );
      assert.deepEqual(
        directives,
        plain.split('\n').map((line) => line.trim().split(' ')[0]),
      );
    }
  },
);

test('an override header that could end a condition is refused', () => {
  for (const header of ['x) -m found }', 'x_y', 'x,1', '']) {
    const override = { header, allow: { kind: 'secret', secret: 'a-secret-of-some-length' } } as const;
    assert.throws(() => checkPlan(planOf(doorOf({ override })), []), { code: 'TRAFFIC_DOOR_UNFIT' }, header);
  }
});

/** What HAProxy says against the files, or an empty text. */
function complaint(plans: readonly ServicePlan[]): string {
  const directory = mkdtempSync(join(tmpdir(), 'bascule-haproxy-render-'));
  try {
    const placed = plans.map((plan) => ({ ...plan, mapFile: join(directory, `${plan.door.service}.map`) }));
    for (const { mapFile } of placed) {
      mkdirSync(dirname(mapFile), { recursive: true });
      writeFileSync(mapFile, 'all none\n');
    }
    const [main, services] = [join(directory, 'main.cfg'), join(directory, 'services.cfg')];
    writeFileSync(main, renderMain({ user: null, maxConnections: 100, root: directory }));
    writeFileSync(services, renderServices(placed, 'fd@9'));
    const { status, stderr } = spawnSync('haproxy', ['-c', '-f', main, '-f', services], {
      env: ENV,
      encoding: 'utf8',
    });
    return status === 0 ? '' : stderr;
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}
