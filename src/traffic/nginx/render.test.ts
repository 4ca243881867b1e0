import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import * as fc from 'fast-check';
import { onAddress } from '../../lib/upstream.ts';
import { HEADER, HEALTH_PATH, HOST, URL_PATH } from '../../release/forms.ts';
import type { DoorSpec } from '../../release/service.ts';
import type { Door } from '../router.ts';
import { MANAGED } from './conformance.ts';
import { quote, quoteLiteral } from './quote.ts';
import { renderMain } from './render-common.ts';
import { renderFiles } from './render-files.ts';
import { secretOf, type ServicePlan } from './service-plan.ts';

const GOLDEN = join(import.meta.dirname, 'golden');
const UPDATE = process.env['UPDATE_GOLDEN'] === '1';
const HAS_NGINX = spawnSync('nginx', ['-v']).status === 0;
const skip = HAS_NGINX ? false : 'nginx is not installed';

type Change = {
  readonly service?: string;
  readonly spec?: Partial<DoorSpec>;
  readonly door?: Partial<Door>;
  readonly proxy?: Partial<ServicePlan['proxy']>;
  readonly mirror?: ServicePlan['mirror'];
  readonly hold?: boolean;
};

function plan({
  service = 'shop',
  spec = {},
  door = {},
  proxy = {},
  mirror = null,
  hold = false,
}: Change = {}): ServicePlan {
  const health = { path: '/healthz', intervalMs: 1000, timeoutMs: 1000, rise: 3, fall: 2 };
  const nginx = { ...MANAGED, ...proxy };
  const described: Door = {
    service,
    spec: {
      listen: { address: '127.0.0.1', port: 8080 },
      host: null,
      path: '/',
      proxy: nginx,
      drainMs: 30_000,
      streamGraceMs: 60_000,
      trustForwarded: false,
      maxBodyBytes: null,
      ...spec,
    },
    health: { blue: health, green: health },
    sticky: { by: 'cookie' },
    salt: '00112233445566778899aabbccddeeff',
    slots: {
      blue: [8201, 8202].map((port) => onAddress({ host: '127.0.0.1', port })),
      green: [8203, 8204].map((port) => onAddress({ host: '127.0.0.1', port })),
    },
    preview: null,
    ...door,
  };
  return {
    door: described,
    proxy: nginx,
    size: 2,
    directory: `/var/lib/bascule/nginx/s/${service}`,
    logFile: `/var/lib/bascule/nginx/log/${service}.log`,
    mirror,
    hold: hold ? { host: '127.0.0.1', port: 8300 } : null,
    secret: secretOf(described),
  };
}

/** The parts that make the thousand buckets say nothing. */
function shortened(text: string): string {
  return text.replaceAll(/(\n *1?[01]% \d+;)+/g, '\n    # and so on');
}

const forms: readonly (readonly [string, readonly ServicePlan[]])[] = [
  ['plain', [plan()]],
  [
    'two-services-of-one-host',
    [
      plan({ spec: { host: 'shop.example.com' } }),
      plan({ service: 'shop-api', spec: { host: 'shop.example.com', path: '/api' } }),
    ],
  ],
  [
    'tls-header-limits-preview',
    [
      plan({
        spec: {
          host: 'shop.example.com',
          listen: { address: '::', port: 443 },
          trustForwarded: true,
          maxBodyBytes: 1_048_576,
        },
        door: {
          sticky: { by: 'header', header: 'X-User-Id' },
          preview: { blue: { host: '127.0.0.1', port: 9001 }, green: { host: '127.0.0.1', port: 9002 } },
        },
        proxy: {
          tls: { certificate: '/etc/ssl/shop.pem', key: '/etc/ssl/shop.key' },
          include: '/etc/nginx/shop.inc',
        },
      }),
    ],
  ],
  [
    'below-a-path',
    [
      plan({
        door: {
          slots: {
            blue: [onAddress({ host: '127.0.0.1', port: 8201 })],
            green: [{ host: '10.0.0.7', port: 80, pathPrefix: '/v2.1/' }],
          },
        },
      }),
    ],
  ],
  [
    'override',
    [
      plan({
        door: {
          override: {
            header: 'x-shop-version',
            allow: { kind: 'secret', secret: 'a.secret+of-some~length' },
          },
        },
      }),
      plan({
        service: 'till',
        spec: { host: 'till.example.com' },
        door: {
          override: {
            header: 'version',
            allow: { kind: 'networks', networks: ['10.0.0.0/8', 'fd00::/8'] },
          },
        },
      }),
    ],
  ],
  [
    'mirror',
    [
      plan({
        mirror: { serve: 'blue', slot: 'green', sharePercent: 12.5, methods: ['GET', 'HEAD', 'POST'] },
      }),
    ],
  ],
  ['hold', [plan({ hold: true })]],
  ['snippet', [plan({ proxy: { managed: false, mode: 'snippet' }, door: { sticky: { by: 'none' } } })]],
];

describe('what is rendered for nginx', () => {
  for (const [name, plans] of forms)
    test(`${name} is as in golden/${name}.txt`, () => {
      const { files } = renderFiles(plans);
      const text = [...files]
        .filter(([file]) => name === 'plain' || file !== '00-bascule.conf')
        .map(([file, content]) => `=== ${file}\n${shortened(content)}`)
        .join('\n');
      const path = join(GOLDEN, `${name}.txt`);
      if (UPDATE) {
        mkdirSync(GOLDEN, { recursive: true });
        writeFileSync(path, text);
      }

      assert.equal(text, readFileSync(path, 'utf8'));
    });

  for (const [name, plans] of forms.filter(([form]) => form !== 'tls-header-limits-preview'))
    test(`nginx accepts ${name}`, { skip }, () => {
      assert.equal(tested(plans), '');
    });
});

test('wherever a route is asked, nothing of it is remembered', () => {
  let asking = 0;
  for (const [name, plans] of forms)
    for (const text of renderFiles(plans).files.values())
      for (const [whole, , body] of text.matchAll(/^( *)location[^\n]*\{\n(.*?)\n\1\}/gms))
        if (/-[fde] /.test(body!)) {
          asking += 1;
          assert.match(body!, /open_file_cache off;/, `${name}: ${whole}`);
          assert.doesNotMatch(body!, /open_file_cache_valid|open_file_cache max/, `${name}: ${whole}`);
        }

  assert.ok(asking > 40, String(asking));
});

/** What `nginx -t` has against it; empty for nothing. */
function tested(plans: readonly ServicePlan[]): string {
  const root = mkdtempSync(join(tmpdir(), 'bascule-nginx-t-'));
  try {
    for (const name of ['conf', 'tmp', 'log']) mkdirSync(join(root, name));
    for (const [name, text] of renderFiles(plans).files)
      writeFileSync(
        join(root, 'conf', name),
        text.replaceAll('/var/lib/bascule/nginx/log', join(root, 'log')),
      );
    const snippets = plans.filter(({ proxy }) => proxy.mode === 'snippet');
    const included = snippets.map(({ door }) => `include ${root}/conf/bascule-${door.service}.server;`);
    writeFileSync(join(root, 'conf', 'own.conf'), `server { listen 127.0.0.1:1; ${included.join(' ')} }`);
    writeFileSync(join(root, 'nginx.conf'), renderMain({ root, user: null, extra: '' }));
    const { status, stderr } = spawnSync('nginx', ['-t', '-q', '-p', root, '-c', join(root, 'nginx.conf')]);
    return status === 0 ? '' : String(stderr);
  } finally {
    rmSync(root, { recursive: true });
  }
}

/** The directives of a configuration, by nginx's own rules for words: depth and first word of each. */
function directives(text: string): string[] {
  const found: string[] = [];
  let depth = 0;
  let isFirst = true;
  for (const [token] of text.matchAll(
    /#[^\n]*|"(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])*'|[;{}]|\$\{\w+\}|(?:\$\{\w+\}|[^\s;{}"'#])+/g,
  )) {
    if (token.startsWith('#')) continue;
    if (token === '{') depth += 1;
    if (token === '}') depth -= 1;
    if (token === '{' || token === '}' || token === ';') isFirst = true;
    else {
      if (isFirst) found.push(`${depth} ${token}`);
      isFirst = false;
    }
  }
  return found;
}

/** Text that a form lets through, with what nginx's grammar is made of thrown in. */
function matching(form: RegExp, start: string): fc.Arbitrary<string> {
  const piece = fc.oneof(
    fc.constantFrom(
      ';',
      '}',
      '{',
      '"',
      "'",
      '\\',
      '$host',
      '${',
      '#',
      ' ',
      '\n',
      'return 200',
      '%0a',
      '%22',
      '%3B',
    ),
    fc.string({ maxLength: 6 }),
    fc.constantFrom('a', 'b/', '/c'),
  );
  return fc
    .array(piece, { maxLength: 8 })
    .map((pieces) => start + pieces.join(''))
    .filter((text) => form.test(text));
}

test('nothing that a form lets through becomes a directive', () => {
  const shape = directives(
    [...renderFiles([plan({ spec: { host: 'h', path: '/p' } })]).files.values()].join(''),
  );
  fc.assert(
    fc.property(
      matching(URL_PATH, '/').filter(isDecodable),
      matching(HEALTH_PATH, '/'),
      matching(HOST, 'h'),
      matching(HEADER, 'X'),
      (path, healthPath, host, header) => {
        fc.pre(path !== '/' && !path.endsWith('/'));
        const one = plan({ spec: { host: host.toLowerCase(), path } });
        const health = { ...one.door.health.blue, path: healthPath };
        const door = { ...one.door, health: { blue: health, green: health } };
        const text = [...renderFiles([{ ...one, door }]).files.values()].join('');

        assert.deepEqual(directives(text), shape);
        const sticky = { by: 'header' as const, header };
        const byHeader = [...renderFiles([{ ...one, door: { ...door, sticky } }]).files.values()].join('');
        assert.equal(
          directives(byHeader).filter((each) => /return|proxy_pass|include/.test(each)).length,
          shape.filter((each) => /return|proxy_pass|include/.test(each)).length,
        );
      },
    ),
    { numRuns: 60 },
  );
});

test('nginx itself reads a quoted value as one word', { skip }, () => {
  const values = ['a;b', 'a}b', 'a"b', "a'b", 'a\\b', 'a\\', '\\"; return 200;#', 'a b', 'ü', '{', '#x'];
  for (const value of values) {
    const text = `location ${quote(`/${value}`)} { return 204; }`;
    const root = mkdtempSync(join(tmpdir(), 'bascule-nginx-q-'));
    const file = join(root, 'n.conf');
    const head = `pid ${root}/pid; error_log ${root}/err; events {} http { access_log off; ${['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map((each) => `${each}_temp_path ${root}/${each};`).join(' ')}`;
    writeFileSync(file, `${head} server { listen 127.0.0.1:1; ${text} ${text} } }`);
    const { stderr } = spawnSync('nginx', ['-t', '-q', '-p', root, '-c', file]);
    rmSync(root, { recursive: true });

    // Said twice, it is a duplicate: nginx names what it read.
    assert.match(String(stderr), /duplicate location/, `${value}: ${String(stderr)}`);
    assert.ok(Buffer.from(String(stderr)).includes(`"/${value}"`), `${value}: ${String(stderr)}`);
  }
});

test('a dollar stays a dollar where nginx would look for a variable', () => {
  assert.equal(quoteLiteral('/a$host'), '"/a${bascule_dollar}host"');
  assert.throws(() => quote('a\nb'), RangeError);
});

function isDecodable(path: string): boolean {
  try {
    // eslint-disable-next-line no-control-regex -- finding them is the point
    return !/[\u0000-\u001f\u007f]/.test(decodeURIComponent(path));
  } catch {
    return false;
  }
}
