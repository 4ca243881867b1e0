/** `bascule doctor` through the real program, with faults that are made on purpose. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { chmod, mkdir, readFile, readdir, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import type { Finding } from '../../src/cli/doctor/finding.ts';
import { blueGreen, openStage, told, type App, type Stage } from './stage.ts';

const SECRET = 'correct-horse-battery-staple';
const closers: (() => Promise<void>)[] = [];
let stage: Stage;
let app: App;

before(async () => {
  stage = await openStage({ after: (close) => void closers.push(close) });
  await mkdir(join(stage.stateDirectory, 'secrets'), { mode: 0o700 });
  await writeFile(join(stage.stateDirectory, 'secrets', 'token'), SECRET, { mode: 0o600 });
  app = await stage.app('shop', { strategy: blueGreen(), env: { TOKEN: { secret: 'file:token' } } });
  const ran = await app.deploy('v1');
  assert.equal(ran.code, 0, told(ran));
});
after(async () => {
  for (const close of closers.toReversed()) await close();
});

type Looked = {
  readonly code: number | null;
  readonly found: ReadonlyMap<string, Finding>;
  readonly text: string;
};

async function look(): Promise<Looked> {
  const ran = await stage.run(['doctor', '--json']);
  const { findings } = JSON.parse(ran.stdout) as { findings: readonly Finding[] };
  return {
    code: ran.code,
    found: new Map(findings.map((finding) => [finding.subject, finding])),
    text: ran.stdout,
  };
}

test('a sound installation: nothing fails, and no secret is printed', async () => {
  const { code, found, text } = await look();

  assert.equal(code, 0, text);
  for (const subject of [
    'modes',
    'sockets',
    'server',
    'journal',
    'clock',
    'proxy',
    'door of shop',
    'slot ports',
  ])
    assert.equal(found.get(subject)?.verdict, 'ok', `${subject}: ${found.get(subject)?.says}`);
  assert.match(found.get('proxy')!.says, /with 2 workers, version 0\.1\.0$/);
  assert.ok(!text.includes(SECRET));
});

test('for people: a line for each, and a summary', async () => {
  const ran = await stage.run(['doctor']);

  assert.equal(ran.code, 0, told(ran));
  assert.match(ran.stdout, /^✔ node {11}Node \d/);
  assert.match(ran.stdout, /\n(?:all is well|\d warnings?)\n$/);
});

test('a key that others may read fails, with the command that mends it', async () => {
  const key = join(stage.stateDirectory, 'keys', 'journal.key');
  await chmod(key, 0o444);
  const { code, found } = await look();
  await chmod(key, 0o400);

  assert.equal(code, 21);
  assert.equal(found.get('modes')!.fix, `chmod 400 ${key}`);
  assert.ok(!JSON.stringify([...found.values()]).includes((await readFile(key, 'utf8')).trim()));
});

test('somebody else on a port of the slots', async () => {
  const range = /^slot-ports: \d+-(\d+)$/m.exec(
    await readFile(join(stage.stateDirectory, 'server.yaml'), 'utf8'),
  )!;
  const stranger = createServer().listen(Number(range[1]), '127.0.0.1');
  await once(stranger, 'listening');
  const { found } = await look();
  stranger.close();

  assert.equal(found.get('slot ports')!.verdict, 'warning');
  assert.match(found.get('slot ports')!.says, new RegExp(`${range[1]} \\(pid ${process.pid}`));
});

test('without the server: that is said, the journal is looked at, and nothing is left beside it', async () => {
  await stage.controller().stop('SIGKILL');
  const files = await readdir(stage.stateDirectory);
  const { code, found } = await look();

  assert.equal(code, 21);
  assert.equal(found.get('server')!.verdict, 'failure');
  assert.match(found.get('journal')!.says, /^sound, \d+ events$/);
  assert.match(found.get('proxy')!.says, /with 2 workers, version 0\.1\.0$/);
  assert.deepEqual(await readdir(stage.stateDirectory), files);
  await stage.serve();
  assert.equal((await look()).code, 0);
});
