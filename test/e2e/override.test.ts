/** `override:` by the real program: who knows the secret chooses, and nobody else. */
import assert from 'node:assert/strict';
import { mkdir, readFile, readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { lasting, openStage, told, type Stage } from './stage.ts';

const SECRET = '0123456789abcdef0123456789abcdef';
const OVERRIDE = { header: 'X-Choose', secret: 'file:override' };

const closers: (() => Promise<void>)[] = [];
let stage: Stage;

before(async () => {
  stage = await openStage({ after: (close) => void closers.push(close) });
});
after(async () => {
  for (const close of closers.toReversed()) await close();
});

test('the one who knows the secret sees the candidate, everybody else what the share says', async () => {
  const app = await stage.app('chosen', {
    override: OVERRIDE,
    strategy: lasting({ steps: ['0.1%', '100%'] }),
  });
  const early = await app.deploy('v1');
  assert.equal(early.code, 16, told(early));
  assert.match(told(early), /Secret file:override: .* is not there/);
  const secrets = join(stage.stateDirectory, 'secrets');
  await mkdir(secrets, { recursive: true, mode: 0o700 });
  await writeFile(join(secrets, 'override'), `${SECRET}\n`, { mode: 0o400 });
  const deployed = await app.deploy('v1');
  assert.equal(deployed.code, 0, told(deployed));
  await app.deployDetached('v2');
  await app.untilDwelling();
  const seenBy = async (value: string) => (await app.ask({ 'x-choose': value })).version;

  assert.equal(await seenBy(`candidate:${SECRET}`), 'v2');
  assert.equal(await seenBy(`stable:${SECRET}`), 'v1');
  const others = await Promise.all(['candidate', 'green', `candidate:${SECRET}x`].map(seenBy));
  assert.ok(others.includes('v1'), 'one in a thousand of them is in the share');

  const shown = `${told(await app.verb('status'))}${told(await app.run(['config']))}`;
  assert.doesNotMatch(shown, new RegExp(SECRET));
  assert.match(shown, /file:override/);
  for (const name of await readdir(stage.stateDirectory)) {
    if (!/\.(db|db-wal|log)$/.test(name)) continue;
    const kept = await readFile(join(stage.stateDirectory, name), 'latin1');
    assert.ok(!kept.includes(SECRET), `${name} holds the secret`);
  }
  const aborted = await app.verb('abort');
  assert.equal(aborted.code, 0, told(aborted));
  await app.untilOver();
  assert.equal((await app.ask({ 'x-choose': `candidate:${SECRET}` })).status, 503);
});
