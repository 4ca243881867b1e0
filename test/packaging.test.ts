import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, test, type TestContext } from 'node:test';

const ROOT = join(import.meta.dirname, '..');
const UNIT = readFileSync(join(ROOT, 'packaging/bascule.service'), 'utf8');
const NO_SYSTEMD =
  spawnSync('systemd-analyze', ['--version']).status === 0 ? false : 'systemd-analyze is not on this machine';
/** systemd's own scale, from 0 (sealed) to 10; a service with nothing set has 9.6. */
const MOST_EXPOSED = { alone: 2.5, withUsers: 3.5 };

/** Last one wins, as systemd reads it. */
function setting(name: string): string | undefined {
  return [...UNIT.matchAll(new RegExp(`^${name}=(.*)$`, 'gmu'))].at(-1)?.[1];
}

/** The unit as systemd looks for it, with a program that is here. */
function installed(t: TestContext, withUsers: boolean): string {
  const directory = mkdtempSync(join(tmpdir(), 'bascule-unit-'));
  t.after(() => rmSync(directory, { recursive: true }));
  writeFileSync(
    join(directory, 'bascule.service'),
    UNIT.replace(/^ExecStart=.*$/mu, 'ExecStart=/usr/bin/env true'),
  );
  if (withUsers) {
    mkdirSync(join(directory, 'bascule.service.d'));
    cpSync(join(ROOT, 'packaging/bascule-users.conf'), join(directory, 'bascule.service.d/users.conf'));
  }
  return directory;
}

describe('the systemd unit', () => {
  test('leaves proxy and applications alone, whatever happens to the server', () => {
    assert.equal(setting('KillMode'), 'process');
    assert.equal(setting('OOMPolicy'), 'continue');
    assert.equal(setting('Restart'), 'on-failure');
    assert.equal(setting('StartLimitIntervalSec'), '0');
    for (const harmful of ['PrivateTmp', 'ProcSubset', 'MemoryDenyWriteExecute', 'PrivateUsers', 'RemoveIPC'])
      assert.equal(setting(harmful), undefined, harmful);
  });

  test('is a unit that systemd takes without a word', { skip: NO_SYSTEMD }, (t) => {
    const { status, stderr } = spawnSync(
      'systemd-analyze',
      ['verify', join(installed(t, false), 'bascule.service')],
      {
        encoding: 'utf8',
      },
    );

    assert.deepEqual([status, stderr], [0, '']);
  });

  for (const [name, most] of Object.entries(MOST_EXPOSED)) {
    test(`is sandboxed as far as it goes (${name})`, { skip: NO_SYSTEMD }, (t) => {
      const directory = installed(t, name === 'withUsers');
      const told = execFileSync(
        'systemd-analyze',
        ['security', '--no-pager', '--offline=yes', 'bascule.service'],
        {
          encoding: 'utf8',
          env: { ...process.env, SYSTEMD_UNIT_PATH: `${directory}:` },
        },
      );

      const score = Number(/Overall exposure level for bascule\.service: ([\d.]+)/u.exec(told)?.[1]);
      t.diagnostic(`exposure ${score} of 10`);
      assert.ok(score <= most, told);
    });
  }
});
