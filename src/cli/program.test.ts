import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { testCli, type TestCli } from './cli-fixture.ts';
import { TITLES } from './titles.ts';

const START = ['init', 'apply', 'remove', 'check', 'plan', 'deploy'];
const FOLLOW = ['status', 'wait', 'why', 'history', 'logs', 'dashboard'];
const STEER = ['promote', 'pause', 'resume', 'weight', 'abort', 'rollback', 'retry'];
const GUARD = ['lock', 'freeze', 'unfreeze', 'approve', 'reject', 'audit', 'token', 'notify'];
const JUDGE = ['judge'];
const OTHER = ['serve', 'backup', 'restore', 'config', 'schema', 'explain', 'completion', 'doctor'];
const NAMES = [...START, ...FOLLOW, ...STEER, ...GUARD, ...JUDGE, ...OTHER];

describe('help', () => {
  let cli: TestCli;
  before(async () => {
    cli = await testCli();
  });
  after(() => cli.end());

  test('lists every command, and hides the proxy', async () => {
    const { code, out, err } = await cli.run('--help');
    const listed = [...out.matchAll(/^ {2}([a-z]+) /gm)].map((match) => match[1]);

    assert.deepEqual([code, err], [0, '']);
    assert.deepEqual(listed, NAMES);
    assert.deepEqual(
      TITLES.map((title) => title.name),
      [...NAMES, 'proxy'],
    );
  });

  for (const name of NAMES) {
    test(`${name} --help says what it is for and what every command takes`, async () => {
      const { code, out } = await cli.run(`${name} --help`);

      assert.equal(code, 0);
      assert.match(out, new RegExp(`^Usage: bascule ${name} `));
      for (const option of ['--json', '--state-dir <dir>', '--socket <path>'])
        assert.ok(out.includes(option));
    });
  }

  test('--version says the version of bascule', async () => {
    assert.deepEqual(await cli.run('--version'), { code: 0, out: '0.1.0\n', err: '' });
  });
});
