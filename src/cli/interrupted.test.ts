import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { mkdir, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { IDLE } from '../http/fake-views.ts';
import { testCli, type TestCli } from './cli-fixture.ts';

describe('Ctrl-C during deploy', () => {
  let cli: TestCli;
  let temporary: string;
  const { TMPDIR } = process.env;
  before(async () => {
    cli = await testCli();
    cli.api.fake.show(IDLE);
    temporary = join(cli.project, 'ignored-tmp');
    await mkdir(temporary);
    await cli.write('.basculeignore', 'ignored-tmp\n');
    process.env['TMPDIR'] = temporary;
  });
  after(async () => {
    if (TMPDIR === undefined) delete process.env['TMPDIR'];
    else process.env['TMPDIR'] = TMPDIR;
    await cli.end();
  });

  test('while it packs: 130, nothing is sent, and nothing is left behind', async (t) => {
    await cli.write('large.bin', randomBytes(128 * 1024 * 1024));
    t.after(() => cli.write('large.bin', ''));
    const deploy = cli.start('deploy shop --version v43');
    while ((await readdir(temporary)).length === 0) await new Promise(setImmediate);

    deploy.interrupt();
    const { code, err } = await deploy.ended;

    assert.equal(code, 130);
    assert.match(err, /error\[INTERRUPTED\]/);
    assert.deepEqual(await readdir(temporary), []);
    assert.deepEqual(cli.api.fake.calls, []);
  });

  test('while the server thinks: 130, nothing is left behind, and nothing is sent again', async () => {
    const sentBefore = cli.api.fake.calls.length;
    const reached = Promise.withResolvers<void>();
    cli.api.fake.onSteer = () => {
      reached.resolve();
      return new Promise(() => {});
    };
    const deploy = cli.start('deploy shop --version v43');
    await reached.promise;

    deploy.interrupt();

    assert.equal((await deploy.ended).code, 130);
    assert.deepEqual(await readdir(temporary), []);
    assert.equal(cli.api.fake.calls.length, sentBefore + 1);
  });
});
