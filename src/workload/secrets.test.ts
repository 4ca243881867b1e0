import assert from 'node:assert/strict';
import { chmod, chown, mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import type { EnvValue } from '../release/service.ts';
import { secretResolver, type SecretResolver } from './secrets.ts';

const SECRET = 'hunter2-value';

async function openResolver(t: TestContext): Promise<{ dir: string; secrets: SecretResolver }> {
  const dir = await mkdtemp(join(tmpdir(), 'secrets-'));
  t.after(() => rm(dir, { recursive: true }));
  const secrets = secretResolver({
    dir,
    allowedEnv: ['ALLOWED', 'UNSET'],
    environ: { ALLOWED: 'from-env', FORBIDDEN: SECRET },
    digestKey: Buffer.from('key'),
  });
  return { dir, secrets };
}

function file(name: string): EnvValue {
  return { kind: 'secret', from: 'file', name };
}
function env(name: string): EnvValue {
  return { kind: 'secret', from: 'env', name };
}

test('plain values, files and allowed names of the environment are resolved anew each time', async (t) => {
  const { dir, secrets } = await openResolver(t);
  await writeFile(join(dir, 'db.password'), 'old\n', { mode: 0o400 });
  const asked = {
    A: { kind: 'plain', value: ' as is\n' } as const,
    B: file('db.password'),
    C: env('ALLOWED'),
  };

  assert.deepEqual(await secrets.resolve(asked), { A: ' as is\n', B: 'old', C: 'from-env' });

  await rm(join(dir, 'db.password'));
  await writeFile(join(dir, 'db.password'), 'two\nlines\n\n', { mode: 0o600 });
  assert.equal((await secrets.resolve(asked))['B'], 'two\nlines\n');
});

const REFUSED: readonly (readonly [string, EnvValue, (path: string) => Promise<void>, string, RegExp])[] = [
  ['a missing file', file('s'), async () => {}, 'WORKLOAD_SECRET_MISSING', /is not there.*install -m 0400/],
  [
    'an empty file',
    file('s'),
    (path) => writeFile(path, '\n', { mode: 0o400 }),
    'WORKLOAD_SECRET_MISSING',
    /empty/,
  ],
  [
    'a file that others read',
    file('s'),
    (path) => writeFile(path, SECRET, { mode: 0o644 }),
    'WORKLOAD_SECRET_UNSAFE',
    /chmod 0400/,
  ],
  ['a link', file('s'), (path) => symlink('/etc/hostname', path), 'WORKLOAD_SECRET_UNSAFE', /symbolic link/],
  [
    'a directory',
    file('s'),
    (path) => mkdir(path, { mode: 0o600 }),
    'WORKLOAD_SECRET_UNSAFE',
    /regular file/,
  ],
  [
    'a file with a NUL',
    file('s'),
    (path) => writeFile(path, `${SECRET}\0`, { mode: 0o400 }),
    'WORKLOAD_SECRET_UNSAFE',
    /NUL/,
  ],
  [
    'a file that is no text',
    file('s'),
    (path) => writeFile(path, Buffer.from([0xff, 0xfe]), { mode: 0o400 }),
    'WORKLOAD_SECRET_UNSAFE',
    /UTF-8/,
  ],
  [
    'a huge file',
    file('s'),
    (path) => writeFile(path, 'x'.repeat(65 * 1024), { mode: 0o400 }),
    'WORKLOAD_SECRET_UNSAFE',
    /64 KiB/,
  ],
  ['a path', file('../s'), async () => {}, 'WORKLOAD_SECRET_UNSAFE', /plain file name/],
  ['a hidden name', file('..'), async () => {}, 'WORKLOAD_SECRET_UNSAFE', /plain file name/],
  [
    'a name off the list',
    env('FORBIDDEN'),
    async () => {},
    'WORKLOAD_SECRET_MISSING',
    /not on the server's list/,
  ],
  ['an unset name', env('UNSET'), async () => {}, 'WORKLOAD_SECRET_MISSING', /not set/],
];

for (const [what, value, arrange, code, why] of REFUSED) {
  test(`${what} is refused without showing a value`, async (t) => {
    const { dir, secrets } = await openResolver(t);
    await arrange(join(dir, 's'));

    await assert.rejects(secrets.resolve({ X: value }), (error: Error & { code?: string }) => {
      assert.equal(error.code, code);
      assert.match(error.message, why);
      assert.ok(!error.message.includes(SECRET));
      return true;
    });
  });
}

test('a file of another user is refused', async (t) => {
  if (process.geteuid!() !== 0) return t.skip('needs root, to give a file away');
  const { dir, secrets } = await openResolver(t);
  await writeFile(join(dir, 's'), SECRET);
  await chmod(join(dir, 's'), 0o400);
  await chown(join(dir, 's'), 65534, 65534);

  await assert.rejects(secrets.resolve({ X: file('s') }), { code: 'WORKLOAD_SECRET_UNSAFE' });
});

test('the digest follows names, plain values and secrets, and needs the key', async (t) => {
  const { dir, secrets } = await openResolver(t);
  await writeFile(join(dir, 's'), 'one', { mode: 0o600 });
  const asked = { A: { kind: 'plain', value: 'x' } as const, B: file('s') };
  const before = await secrets.digest(asked);

  assert.match(before, /^[0-9a-f]{64}$/);
  assert.equal(await secrets.digest({ B: asked.B, A: asked.A }), before, 'order does not matter');
  assert.notEqual(await secrets.digest({ A: asked.A, C: asked.B }), before);
  const otherKey = secretResolver({ dir, allowedEnv: [], environ: {}, digestKey: Buffer.from('other') });
  assert.notEqual(await otherKey.digest(asked), before);

  await writeFile(join(dir, 's'), 'two');
  assert.notEqual(await secrets.digest(asked), before);
});
