import assert from 'node:assert/strict';
import { chmodSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { after, before, describe, test } from 'node:test';
import { PROGRESSING } from '../../http/fake-views.ts';
import { inspectJournal } from '../../journal/inspect.ts';
import { clockFinding, type Times } from './clock.ts';
import type { Finding, Server } from './finding.ts';
import { journalFinding } from './journal.ts';
import { filesFinding } from './limits.ts';
import type { Running } from './processes.ts';
import { nodeFinding, programFindings } from './programs.ts';
import { serverFinding, socketFinding } from './reach.ts';
import { spaceFindings, stateDirectoryFindings } from './state-directory.ts';
import { systemdFinding } from './systemd.ts';
import { certificateFindings, leftoverFinding, portFindings, proxyFinding } from './traffic.ts';

const DAY_MS = 86_400_000;
const GIB = 1024 * 1024 * 1024;
const AWAY: Server = {
  reached: false,
  code: 'SERVER_UNREACHABLE',
  message: 'No server answers; nothing was done. Start one',
};
const HERE: Server = {
  reached: true,
  info: { version: '0.1.0', startedAtMs: 0, stateDir: '/s', pid: 7, lastSeq: 12 },
  services: [PROGRESSING],
};
const DOOR = Number(new URL(PROGRESSING.door).port);
const RANGE = { from: 8200, to: 8999 };

let folder: string;
before(() => {
  folder = mkdtempSync(join(tmpdir(), 'bascule-doctor-test-'));
});
after(() => rmSync(folder, { recursive: true }));

const ITS = { workers: 2, version: '0.1.0' };

function verdicts(findings: readonly Finding[]): Record<string, string> {
  return Object.fromEntries(findings.map(({ subject, verdict }) => [subject, verdict]));
}

function listener(port: number, pid: number | null): Running['listeners'][number] {
  return { address: { host: '127.0.0.1', port }, uid: 0, inode: String(port), pid };
}

function running(more: Partial<Running> = {}): Running {
  return { listeners: [], proxy: null, replicas: [], ...more };
}

function limits(soft: string): string {
  return `Limit  Soft Limit  Hard Limit  Units\nMax open files            ${soft}                 4096  files\n`;
}

function slotPorts(more: Partial<Running>): Finding {
  return portFindings(AWAY, running(more), RANGE).at(-1)!;
}

describe('what the doctor finds', () => {
  test('certificates that run out or cannot be used, and nothing of a service without any', () => {
    const now = 1_800_000_000_000;
    const certificate = { file: '/c.pem', names: ['a.test'], notAfterMs: now + 90 * DAY_MS, problem: null };
    const service = { ...PROGRESSING, certificates: [certificate] };
    const found = (...certificates: (typeof service)['certificates']): Record<string, string> => {
      const server: Server = { ...HERE, services: [{ ...service, certificates }] };
      return verdicts(certificateFindings(server, now));
    };

    assert.deepEqual(certificateFindings(HERE, now), []);
    assert.deepEqual(found(certificate), { 'certificates of shop': 'ok' });
    assert.deepEqual(found({ ...certificate, notAfterMs: now + 20 * DAY_MS }), {
      'certificates of shop': 'warning',
    });
    assert.deepEqual(found({ ...certificate, notAfterMs: now - 1 }), { 'certificates of shop': 'failure' });
    const broken: Server = {
      ...HERE,
      services: [{ ...service, certificates: [{ ...certificate, problem: 'no such file' }] }],
    };
    assert.deepEqual(verdicts(certificateFindings(broken, now)), { 'certificates of shop': 'failure' });
  });

  test('every finding that is not ok says what to do', () => {
    const bad = [
      nodeFinding('20.1.0'),
      serverFinding(AWAY, '0.1.0'),
      systemdFinding(true, []),
      proxyFinding(HERE, running(), ITS),
      ...spaceFindings({ type: 0x6969, freeBytes: 0, freeInodes: 0, inodes: 1 }),
    ];

    assert.equal(bad.length, 7);
    for (const finding of bad) assert.ok(finding.verdict !== 'ok' && finding.fix !== null, finding.subject);
  });

  test('Node: 24.15 is the oldest that will do', () => {
    assert.deepEqual(
      ['24.14.9', '24.15.0', '25.0.0', '22.20.0'].map((version) => nodeFinding(version).verdict),
      ['failure', 'ok', 'ok', 'failure'],
    );
  });

  test('programs: missing, broken, and there with their version', async () => {
    const bin = join(folder, 'bin');
    mkdirSync(bin);
    assert.deepEqual(verdicts(await programFindings(bin)), {
      git: 'warning',
      python3: 'ok',
      nginx: 'ok',
      haproxy: 'ok',
    });
    writeFileSync(join(bin, 'nginx'), '#!/bin/sh\nexit 3\n', { mode: 0o755 });
    writeFileSync(join(bin, 'git'), '#!/bin/sh\necho git version 9.9.1\n', { mode: 0o755 });

    const found = await programFindings(bin);

    assert.deepEqual(verdicts(found), { git: 'ok', python3: 'ok', nginx: 'warning', haproxy: 'ok' });
    assert.equal(found[0]!.says, 'git 9.9.1');
  });

  describe('the state directory', () => {
    const uid = process.geteuid?.() ?? 0;

    test('not there, not a directory, sound', () => {
      const dir = join(folder, 'state');
      assert.equal(stateDirectoryFindings(dir, uid)[0]!.verdict, 'warning');
      assert.equal(stateDirectoryFindings(import.meta.filename, uid)[0]!.verdict, 'failure');
      mkdirSync(dir, { mode: 0o711 });
      mkdirSync(join(dir, 'keys'), { mode: 0o700 });
      writeFileSync(join(dir, 'keys/journal.key'), 'x', { mode: 0o400 });

      const found = verdicts(stateDirectoryFindings(dir, uid));

      assert.deepEqual([found['state'], found['modes']], ['ok', 'ok']);
    });

    test('what others may read or change, with the command that mends it', () => {
      const dir = join(folder, 'open');
      mkdirSync(join(dir, 'keys'), { recursive: true });
      writeFileSync(join(dir, 'keys/journal.key'), 'x');
      chmodSync(dir, 0o777);
      chmodSync(join(dir, 'keys'), 0o755);
      chmodSync(join(dir, 'keys/journal.key'), 0o644);

      const modes = stateDirectoryFindings(dir, uid).find(({ subject }) => subject === 'modes')!;

      assert.equal(modes.verdict, 'failure');
      assert.equal(
        modes.fix,
        `chmod 711 ${dir} && chmod 700 ${dir}/keys && chmod 400 ${dir}/keys/journal.key`,
      );
    });

    test('of another user', () => {
      const found = stateDirectoryFindings(folder, uid + 1)[0]!;

      assert.match(found.says, new RegExp(`belongs to uid ${uid}`));
    });

    test('room and files that are left, and what the disk is', () => {
      const plenty = { type: 0xef53, freeBytes: 9 * GIB, freeInodes: 1e6, inodes: 2e6 };
      const of = (more: Partial<typeof plenty>) => verdicts(spaceFindings({ ...plenty, ...more }));

      assert.deepEqual(of({}), { disk: 'ok', inodes: 'ok', filesystem: 'ok' });
      assert.equal(of({ freeBytes: GIB / 2 })['disk'], 'warning');
      assert.equal(of({ freeBytes: 1 })['disk'], 'failure');
      assert.equal(of({ freeInodes: 5000 })['inodes'], 'warning');
      assert.equal(of({ freeInodes: 5 })['inodes'], 'failure');
      assert.equal(of({ freeInodes: 0, inodes: 0 })['inodes'], 'ok');
      assert.equal(of({ type: 0x6969 })['filesystem'], 'failure');
      assert.equal(of({ type: 0x01021994 })['filesystem'], 'warning');
    });
  });

  test('sockets: none, something else, and a path that Linux does not take', () => {
    const dir = join(folder, 'sock');
    mkdirSync(join(dir, 'sockets'), { recursive: true });
    assert.equal(socketFinding(dir).verdict, 'warning');
    writeFileSync(join(dir, 'sockets/admin.sock'), '');
    assert.equal(socketFinding(dir).verdict, 'warning');
    assert.equal(socketFinding(`/${'x'.repeat(100)}`).verdict, 'failure');
  });

  test('the server: away, of another version, well', () => {
    assert.deepEqual(serverFinding(AWAY, '0.1.0'), {
      subject: 'server',
      verdict: 'failure',
      says: 'No server answers',
      fix: 'start it: bascule serve, or systemctl start bascule',
    });
    assert.equal(serverFinding(HERE, '0.2.0').verdict, 'warning');
    assert.equal(serverFinding(HERE, '0.1.0').verdict, 'ok');
  });

  test('the journal while no server runs: none, another program’s, damaged; nothing is left behind', () => {
    const dir = join(folder, 'journal');
    mkdirSync(dir);
    const find = () => journalFinding(AWAY, () => inspectJournal(dir)).verdict;
    assert.equal(find(), 'ok');
    const other = new DatabaseSync(join(dir, 'journal.db'));
    other.exec('CREATE TABLE a (b)');
    other.close();
    assert.equal(find(), 'failure');
    writeFileSync(join(dir, 'journal.db'), 'torn'.repeat(2000));
    assert.equal(find(), 'failure');
    assert.equal(journalFinding(HERE, () => assert.fail('a journal that is held was opened')).verdict, 'ok');
  });

  test('the clock: before its time, behind its own files, set while the server ran', () => {
    const nowMs = 1_795_000_000_000;
    const well: Times = {
      nowMs,
      bootMs: nowMs - 10_000_000,
      serverStartedMs: nowMs - 9_000_000,
      serverStartedAfterBootMs: 1_000_000,
      newestFileMs: nowMs - 5,
    };
    const of = (more: Partial<Times>) => clockFinding({ ...well, ...more }).verdict;

    assert.equal(of({}), 'ok');
    assert.equal(of({ nowMs: 86_400_000 }), 'failure');
    assert.equal(of({ newestFileMs: nowMs + 3_600_000 }), 'failure');
    assert.match(clockFinding({ ...well, bootMs: well.bootMs + 3_600_000 }).says, /set forward by 3600 s/);
    assert.match(clockFinding({ ...well, bootMs: well.bootMs - 60_000 }).says, /set back by 60 s/);
  });

  test('open files: fewer than the replicas and the proxy take', () => {
    assert.equal(filesFinding(limits('1024'), 2).verdict, 'warning');
    assert.equal(filesFinding(limits('65536'), 64).verdict, 'ok');
    assert.equal(filesFinding(limits('unlimited'), 64).verdict, 'ok');
    assert.equal(filesFinding(limits('4096'), 400).verdict, 'warning');
  });

  test('the proxy: gone, without workers, with fewer, whole', () => {
    const of = (proxy: Running['proxy']) => proxyFinding(HERE, running({ proxy }), ITS).verdict;

    assert.deepEqual(
      [null, { pid: 1, workers: [] }, { pid: 1, workers: [2] }, { pid: 1, workers: [2, 3] }].map(of),
      ['failure', 'failure', 'warning', 'ok'],
    );
    assert.equal(proxyFinding(AWAY, running(), ITS).verdict, 'ok');
  });

  test('the proxy: of another version, or with one that it replaced', () => {
    const whole = { pid: 1, workers: [2, 3] };

    const old = running({ proxy: { ...whole, version: '0.0.9' } });
    const { verdict, says, fix } = proxyFinding(HERE, old, ITS);
    assert.deepEqual([verdict, says], ['warning', 'pid 1 with 2 workers, version 0.0.9; this is 0.1.0']);
    assert.match(fix!, /restart the server/);
    const after = running({ proxy: { ...whole, version: '0.1.0', formers: [9] } });
    const replaced = proxyFinding(HERE, after, ITS);
    assert.deepEqual(
      [replaced.verdict, replaced.says],
      ['ok', 'pid 1 with 2 workers, version 0.1.0; pid 9 ends what it has in flight'],
    );
  });

  test('doors: held by the proxy, by another, by nobody', () => {
    const proxy = { pid: process.pid, workers: [] };
    const of = (more: Partial<Running>) =>
      portFindings(HERE, running({ proxy, ...more }), RANGE).find(
        ({ subject }) => subject === 'door of shop',
      )!;

    assert.equal(of({ listeners: [listener(DOOR, process.pid)] }).verdict, 'ok');
    assert.match(of({ listeners: [listener(DOOR, 1)] }).says, new RegExp(`port ${DOOR} is held by pid 1`));
    assert.match(of({ listeners: [] }).says, /nobody listens/);
  });

  test('slot ports: of replicas, and of others', () => {
    assert.equal(
      slotPorts({ listeners: [listener(8300, 5)], replicas: [{ pid: 5, service: 'x' }] }).verdict,
      'ok',
    );
    assert.equal(slotPorts({ listeners: [listener(8300, null)] }).verdict, 'warning');
    assert.equal(slotPorts({ listeners: [listener(9000, null)] }).verdict, 'ok');
  });

  test('leftovers: processes of a service that the server does not know', () => {
    const left = running({
      replicas: [
        { pid: 4_194_303, service: 'old' },
        { pid: 5, service: 'shop' },
      ],
    });

    const found = leftoverFinding(HERE, left, ['shop']);

    assert.deepEqual([found.verdict, found.fix], ['warning', 'kill 4194303']);
    assert.match(leftoverFinding(HERE, running(), ['shop', 'gone']).says, /removed, in releases\/: gone/);
  });

  test('systemd: no unit, one that would kill the applications, one as it should be', () => {
    const dir = join(folder, 'units');
    mkdirSync(dir);
    const unit = (text: string) => {
      writeFileSync(join(dir, 'bascule.service'), text);
      return systemdFinding(true, ['/nonexistent', dir]);
    };

    assert.equal(systemdFinding(false, []).verdict, 'ok');
    assert.equal(systemdFinding(true, [dir]).verdict, 'warning');
    assert.match(unit('[Service]\nExecStart=x\n').says, /KillMode=control-group/);
    assert.equal(unit('[Service]\n# KillMode=mixed\nKillMode=process\n').verdict, 'ok');
    rmSync(join(dir, 'bascule.service'));
    symlinkSync('/nonexistent', join(dir, 'bascule.service'));
    assert.equal(systemdFinding(true, [dir]).verdict, 'warning');
  });
});
