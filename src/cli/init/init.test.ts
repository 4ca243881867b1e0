import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, beforeEach, describe, test } from 'node:test';
import { testCli, type TestCli } from '../cli-fixture.ts';
import { machineLook } from './machine-look.ts';

const SITES = '--nginx-dir nginx --haproxy-file haproxy.cfg --listen 8080';

describe('bascule init', () => {
  let cli: TestCli;
  before(async () => {
    cli = await testCli();
    await cli.write('web/server.js', "app.get('/healthz', ok);\napp.listen(process.env.PORT);\n");
    await cli.write('nginx/nginx.conf', '');
    await cli.write('notes/README.md', 'nothing that runs\n');
  });
  after(() => cli.end());
  beforeEach(() => rm(join(cli.project, 'web/bascule.yaml'), { force: true }));

  const written = () => readFileSync(join(cli.project, 'web/bascule.yaml'), 'utf8');

  test('writes the file, which check takes, and says what it saw', async () => {
    const ran = await cli.run(`init web ${SITES}`);

    assert.deepEqual([ran.code, ran.err], [0, '']);
    assert.match(ran.out, /^web: Node \(server\.js\)\n/);
    assert.match(ran.out, /wrote web\/bascule\.yaml\. Next: bascule check/);
    assert.match(written(), /health: \/healthz {3}# server\.js:1\n/);
    const checked = await cli.run('check --file web/bascule.yaml', { stateDir: '/nonexistent' });
    assert.equal(checked.code, 0, checked.err);
  });

  test('--print and --dry-run write nothing: the file on stdout, the rest on stderr', async () => {
    const printed = await cli.run(`init web --print ${SITES}`);
    const dry = await cli.run(`init web --dry-run ${SITES}`);

    assert.deepEqual(printed, dry);
    assert.match(printed.out, /^# Written by "bascule init".*\nversion: 1\n/);
    assert.match(printed.err, /^web: Node/);
    assert.ok(!existsSync(join(cli.project, 'web/bascule.yaml')));
  });

  test('does not write over a file, except with --force', async () => {
    await cli.write('web/bascule.yaml', 'mine');

    const refused = await cli.run(`init web ${SITES}`);
    assert.equal(refused.code, 15);
    assert.match(refused.err, /error\[CONFIG_EXISTS\]/);
    assert.equal(written(), 'mine');

    assert.equal((await cli.run(`init web --force ${SITES}`)).code, 0);
    assert.match(written(), /^version: 1$/m);
  });

  test('as JSON: the file, what was found, and why', async () => {
    const ran = await cli.run(`init web --print --json ${SITES}`);

    const json = JSON.parse(ran.out) as Record<string, unknown>;
    assert.deepEqual([json['schema'], json['written'], json['name']], [1, false, 'web']);
    assert.match(String(json['text']), /^version: 1$/m);
    assert.deepEqual(json['health'], { path: '/healthz', seenIn: 'server.js:1' });
  });

  test('a directory without an application: refused, unless a command is given', async () => {
    const refused = await cli.run(`init notes --print ${SITES}`);
    const given = await cli.run([
      'init',
      'notes',
      '--print',
      '--run',
      './start --port $PORT',
      ...SITES.split(' '),
    ]);

    assert.equal(refused.code, 2);
    assert.match(refused.err, /error\[APPLICATION_UNKNOWN\]/);
    assert.match(given.out, /run: \.\/start --port \$PORT/);
  });

  test('sites of nginx on this machine', async () => {
    const site =
      'server { listen 80; server_name web.example.com; location / { proxy_pass http://127.0.0.1:9; } }\n';
    await cli.write('sites/sites-enabled/web', site);
    await cli.write('sites/sites-enabled/web.bak', site.replace(':9', ':10'));

    const ran = await cli.run(`init web --print ${SITES.replace('nginx ', 'sites ')}`);

    assert.match(
      ran.err,
      /current {3}http:\/\/127\.0\.0\.1:9: nginx \(web\.example\.com\) on 80, <project>\/sites\/sites-enabled\/web:1\n/,
    );
    assert.ok(!ran.err.includes(':10'));
  });

  test('a process of the directory that listens; its options, which may hold secrets, are not shown', async () => {
    const code =
      "const s = require('net').createServer().listen(0, '127.0.0.1', () => console.log(s.address().port))";
    await cli.write('web/listen.cjs', code);
    const cwd = join(cli.project, 'web');
    const child = spawn(process.execPath, ['listen.cjs', '--password=hunter2'], {
      cwd,
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const [line] = (await once(child.stdout, 'data')) as [Buffer];
    try {
      const look = machineLook({ application: cwd, nginx: '/nonexistent', haproxy: '/nonexistent' }, '');

      assert.deepEqual(look.listening, [
        {
          address: { host: '127.0.0.1', port: Number(line) },
          pid: child.pid,
          command: 'node listen.cjs',
          connections: 0,
        },
      ]);
      assert.ok(look.takenPorts.includes(Number(line)));
    } finally {
      child.kill('SIGKILL');
      await once(child, 'exit');
    }
  });
});
