import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import * as fc from 'fast-check';
import { haproxySites } from './haproxy-site.ts';
import { nginxSites } from './nginx-site.ts';
import { parseNginx } from './nginx-tree.ts';

const file = (text: string) => [{ path: '/etc/nginx/conf.d/a.conf', text }];

function serverWith(inner: string): string {
  return `server { proxy_set_header Host $host; location / { ${inner} proxy_pass http://127.0.0.1:1; } }`;
}

describe('sites of nginx', () => {
  test('words in quotes, comments and variables are read as nginx does', () => {
    const tree = parseNginx(
      `# a { comment;\nlog_format main '$remote_addr "{x};"';\nset $a "b\\"c";\nif ($x ~ y) { return 444; }\n`,
    );

    assert.deepEqual(
      tree.map(({ name, args, line }) => [name, line, ...args]),
      [
        ['log_format', 2, 'main', '$remote_addr "{x};"'],
        ['set', 3, '$a', 'b\\"c'],
        ['if', 4, '($x', '~', 'y)'],
      ],
    );
  });

  test('the line of the proxy_pass, the names, the listeners, and what is behind an upstream of another file', () => {
    const sites = nginxSites([
      {
        path: 'b.conf',
        text: 'upstream app {\n  server 127.0.0.1:8000;\n  server 127.0.0.1:8001 down;\n  server unix:/run/app.sock;\n}\n',
      },
      {
        path: 'a.conf',
        text: 'server {\n  listen 443 ssl;\n  server_name a.example.com\n    b.example.com;\n  location ~ \\.php$ { fastcgi_pass x; }\n  location / {\n    proxy_pass\n      http://app/v1;\n  }\n}\n',
      },
    ]);

    assert.deepEqual(sites, [
      {
        file: 'a.conf',
        line: 1,
        listen: ['443 ssl'],
        serverNames: ['a.example.com', 'b.example.com'],
        location: '/',
        proxyPass: {
          line: 7,
          target: 'http://app/v1',
          addresses: [
            { file: 'b.conf', line: 2, address: '127.0.0.1:8000' },
            { file: 'b.conf', line: 4, address: 'unix:/run/app.sock' },
          ],
          path: '/v1',
        },
        passesHost: false,
      },
    ]);
  });

  test('Host is inherited only where the location sets no header of its own', () => {
    const [inherits] = nginxSites(file(serverWith('')));
    const [own] = nginxSites(file(serverWith('proxy_set_header X-Real-IP $remote_addr;')));

    assert.deepEqual([inherits!.passesHost, own!.passesHost], [true, false]);
  });

  test('a variable has no address', () => {
    const [site] = nginxSites(file('server { location / { proxy_pass http://$backend; } }'));

    assert.deepEqual(site!.proxyPass.addresses, []);
  });

  test('whatever the text, there is an answer', () => {
    const words = fc.constantFrom(
      'server',
      'location',
      '/',
      '{',
      '}',
      ';',
      '"',
      "'",
      '\\',
      '#',
      '\n',
      'proxy_pass',
      '${',
      ' ',
    );
    fc.assert(
      fc.property(fc.array(words, { maxLength: 200 }), (parts) => {
        assert.ok(nginxSites(file(parts.join(''))).every((site) => site.line >= 1));
      }),
    );
    assert.ok(parseNginx('a { '.repeat(50_000)).length >= 0);
  });
});

test('sites of HAProxy: listen and frontend, backends by name, no spares', () => {
  const text = `frontend web
  bind *:80   # clients
  use_backend api if { path_beg /api }
  default_backend app
backend app
  server one 127.0.0.1:8000 check
  server spare 127.0.0.1:8001 backup
backend api
  server a api.internal:9000
listen stats
  bind :9999
  stats enable
listen tcp
  bind :70
  server x 127.0.0.1:71
`;

  const sites = haproxySites([{ path: 'h.cfg', text }]);

  assert.deepEqual(
    sites.map(({ frontend, binds, backend, servers, line }) => [
      frontend,
      line,
      binds.join(),
      backend,
      servers.map((server) => `${server.address}@${server.line}`).join(),
    ]),
    [
      ['web', 1, '*:80', 'app', '127.0.0.1:8000@6'],
      ['web', 1, '*:80', 'api', 'api.internal:9000@9'],
      ['tcp', 13, ':70', 'tcp', '127.0.0.1:71@15'],
    ],
  );
});
