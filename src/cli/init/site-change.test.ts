import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, type TestContext, test } from 'node:test';
import { nginxSites } from './nginx-site.ts';
import { siteChange } from './site-change.ts';

const HAS_PATCH = spawnSync('patch', ['--version']).status === 0;
const SITE = `server {
    listen 80;
    server_name shop.example.com;

    location / {
        # proxy_pass http://127.0.0.1:8000; was here before
        proxy_set_header Host $host;
        proxy_pass http://127.0.0.1:8000;
        proxy_read_timeout 30s;
    }
    error_page 502 /sorry.html;
}
`;

function changeOf(text: string, path = '/etc/nginx/sites-enabled/shop') {
  const files = [{ path, text }];
  return siteChange(files, nginxSites(files)[0]!, 8080);
}

/** What `patch` makes of it. */
function patched(t: TestContext, text: string): string {
  const directory = mkdtempSync(join(tmpdir(), 'bascule-site-'));
  t.after(() => rmSync(directory, { recursive: true }));
  const file = join(directory, 'shop');
  writeFileSync(file, text);
  const ran = spawnSync('patch', ['--fuzz=0', file], { input: changeOf(text, file)!.diff, encoding: 'utf8' });
  assert.equal(ran.status, 0, ran.stdout + ran.stderr);
  return readFileSync(file, 'utf8');
}

describe('what is proposed for a site of nginx', () => {
  test('is one line of it, as a unified diff', () => {
    assert.deepEqual(changeOf(SITE), {
      file: '/etc/nginx/sites-enabled/shop',
      diff: `--- /etc/nginx/sites-enabled/shop
+++ /etc/nginx/sites-enabled/shop
@@ -5,7 +5,7 @@
     location / {
         # proxy_pass http://127.0.0.1:8000; was here before
         proxy_set_header Host $host;
-        proxy_pass http://127.0.0.1:8000;
+        proxy_pass http://127.0.0.1:8080;
         proxy_read_timeout 30s;
     }
     error_page 502 /sorry.html;
`,
    });
  });

  const forms: readonly (readonly [string, string])[] = [
    ['in the middle', SITE],
    ['on one line, without a newline at its end', 'server { location / { proxy_pass http://127.0.0.1:9; } }'],
    [
      'on a line below its directive',
      SITE.replace('proxy_pass http://127.0.0.1:8000;\n', 'proxy_pass\n http://app/v1/;\n'),
    ],
    ['at the end of a text without a newline', `${SITE.trimEnd().split('\n').slice(0, 8).join('\n')} } }`],
    ['with the newlines of another system', SITE.replaceAll('\n', '\r\n')],
  ];
  for (const [name, text] of forms)
    test(`a target ${name}: patch takes it`, { skip: HAS_PATCH ? false : 'patch is not installed' }, (t) => {
      const [site] = nginxSites([{ path: 'shop', text }]);
      const { target, path } = site!.proxyPass;

      const after = patched(t, text);

      const last = text.lastIndexOf(target);
      assert.equal(
        after,
        `${text.slice(0, last)}http://127.0.0.1:8080${path ?? ''}${text.slice(last + target.length)}`,
      );
    });

  test('is nothing where it passes there already', () => {
    assert.equal(changeOf(SITE.replaceAll('8000', '8080')), null);
  });
});
