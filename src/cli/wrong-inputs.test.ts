import assert from 'node:assert/strict';
import { chmod, mkdir, rm, symlink } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, beforeEach, describe, test } from 'node:test';
import { OperatingError } from '../lib/errors.ts';
import { IDLE, PROGRESSING } from '../http/fake-views.ts';
import { FILE, golden, testCli, type Ran, type Scene, type TestCli } from './cli-fixture.ts';

/**
 * What people get wrong, with the exit code of each; golden/wrong-inputs.txt holds exactly what is printed. None of it
 * changes anything, and what is wrong on this side of the socket does not reach the controller.
 */
type Wrong = {
  readonly line: string;
  readonly code: number;
  readonly file?: string;
  readonly scene?: Scene;
  /** No rollout is under way. */
  readonly idle?: true;
  /** The controller refuses. */
  readonly refusal?: readonly [code: string, message: string];
};

const TWO = `${FILE}  other:\n    run: x\n    listen: 8081\n`;

const WRONG: readonly Wrong[] = [
  // the command line
  { line: '', code: 2 },
  { line: 'depoy', code: 2 },
  { line: '--verbose', code: 2 },
  { line: 'deploy --supercede', code: 2 },
  { line: 'deploy shop now', code: 2 },
  { line: 'deploy --file', code: 2 },
  { line: 'deploy --until done', code: 2 },
  { line: 'deploy --version a/b', code: 2 },
  { line: 'deploy --version -x', code: 2 },
  { line: 'deploy --plan 7', code: 2 },
  { line: 'deploy --from nowhere', code: 2 },
  { line: 'pause', code: 2 },
  { line: 'pause shop --jsno', code: 2 },
  { line: 'weight shop', code: 2 },
  { line: 'weight shop many', code: 2 },
  { line: 'weight shop 101', code: 2 },
  { line: 'weight shop 12.55', code: 2 },
  { line: 'weight shop 25pp', code: 2 },
  { line: 'weight shop -- -5', code: 2 },
  { line: 'promote shop --from-step two', code: 2 },
  { line: 'promote shop --from-step 0', code: 2 },
  { line: 'promote shop --from-step 9', code: 2 },
  { line: 'wait', code: 2 },
  { line: 'wait r-0193 --for ever', code: 2 },
  { line: 'wait r-0193 --for step=last', code: 2 },
  { line: 'wait r-0193 --for step=5', code: 2 },
  { line: 'wait r-0193 --timeout 30', code: 2 },
  { line: 'wait r-0193 --timeout soon', code: 2 },
  { line: 'history --limit 0', code: 2 },
  { line: 'logs shop --slot red', code: 2 },
  { line: 'logs shop --slot blue --candidate', code: 2 },
  { line: 'logs shop --tail all', code: 2 },
  { line: 'remove shop', code: 2 },
  { line: 'explain E999', code: 2 },
  { line: 'explain E17', code: 2 },
  { line: 'explain', code: 2 },
  { line: 'rollback shop v1 v2', code: 2 },
  { line: 'status --host ssh://box', code: 2 },
  { line: 'completion', code: 2 },
  { line: 'completion csh', code: 2 },
  { line: 'completion --list secrets', code: 2 },
  { line: 'init <state>/sockets --print', code: 2 },
  { line: 'init nowhere --print', code: 2 },
  { line: 'init --print --strategy green-blue', code: 2 },
  { line: 'init --print --listen 70000', code: 2 },
  { line: 'init --print --name Shop!', code: 2 },
  { line: 'init --run ./start', code: 15 },
  // names
  { line: 'status shpo', code: 2 },
  { line: 'pause shpo', code: 2 },
  { line: 'status Shop!', code: 2 },
  { line: 'why r-9999', code: 2 },
  { line: 'why v43', code: 2 },
  { line: 'why r-0193 --json --markdown', code: 2 },
  { line: 'judge', code: 2 },
  { line: 'judge shop', code: 2 },
  { line: 'judge shop --rollout r-0193', code: 2 },
  { line: 'judge --rollout r-9999', code: 2 },
  { line: 'judge shop --from yesterday', code: 2 },
  { line: 'judge shpo --from 2026-03-04', code: 2 },
  { line: 'retry r-9999', code: 2 },
  { line: 'history shpo', code: 2 },
  { line: 'logs shpo', code: 2 },
  { line: 'rollback shop no/version', code: 2 },
  { line: 'deploy shpo', code: 2 },
  { line: 'deploy', code: 2, file: TWO },
  { line: 'plan other', code: 2 },
  // the file
  { line: 'deploy --file none.yaml', code: 2 },
  { line: 'check --file .', code: 2 },
  { line: 'check', code: 2, file: '' },
  { line: 'check', code: 2, file: 'services: [' },
  { line: 'deploy', code: 2, file: FILE.replace('listen: 8080', 'lisen: 8080') },
  {
    line: 'plan',
    code: 2,
    file: FILE.replace('strategy: canary', 'strategy: {canary: {steps: [5%, 50%, 25%, 100%]}}'),
  },
  { line: 'apply', code: 2, file: FILE.replace('replicas: 2', 'replicas: two') },
  { line: 'config', code: 2, file: FILE.replace('node server.mjs', '${MISSING}') },
  {
    line: 'check',
    code: 2,
    file: FILE.replace('replicas: 2', 'replicas: 0'),
    scene: { env: { GITHUB_ACTIONS: 'true' } },
  },
  { line: 'check --json', code: 2, file: FILE.replace('8080', 'http') },
  // the server
  { line: 'status', code: 4, scene: { stateDir: '/nonexistent' } },
  { line: 'deploy', code: 4, scene: { stateDir: '/nonexistent' } },
  { line: 'abort shop --json', code: 4, scene: { stateDir: '/nonexistent' } },
  { line: 'status --state-dir elsewhere', code: 4 },
  { line: 'status --socket <project>/bascule.yaml', code: 4 },
  { line: 'pause shop --socket <state>/sockets/viewer.sock', code: 5 },
  { line: 'deploy --socket <state>/sockets/viewer.sock', code: 5 },
  { line: 'remove shop --yes --socket <state>/sockets/operator.sock', code: 5 },
  { line: 'pause shop', code: 2, scene: { env: { BASCULE_ACTOR: 'x'.repeat(81) } } },
  // verbs out of order
  { line: 'promote shop', code: 15, idle: true },
  { line: 'pause shop', code: 15, idle: true },
  { line: 'resume shop', code: 15, idle: true },
  { line: 'weight shop 10', code: 15, idle: true },
  {
    line: 'remove shop --yes',
    code: 15,
    refusal: ['ROLLOUT_UNDER_WAY', 'r-0193 is under way; nothing was removed. Abort it first.'],
  },
  {
    line: 'deploy --version v44',
    code: 15,
    refusal: [
      'ROLLOUT_UNDER_WAY',
      'r-0193 (v43) is under way; nothing was started. Wait for it, abort it, or give --supersede.',
    ],
  },
  {
    line: 'weight shop 60 --json',
    code: 15,
    refusal: [
      'WEIGHT_ABOVE_PLAN',
      '60% is above the plan’s highest share (50%); give --yes if you mean it. Nothing changed.',
    ],
  },
];

/** Refused by the controller, not by the command: that it was asked is right. */
const isAsked = ({ code, line, refusal }: Wrong) =>
  (code === 15 && !line.startsWith('init')) || refusal !== undefined || /^(pause|retry) /.test(line);

describe('wrong inputs', () => {
  let cli: TestCli;
  const seen: string[] = [];
  before(async () => {
    cli = await testCli();
  });
  after(async () => {
    await cli.end();
    golden('wrong-inputs.txt', seen.join('\n'));
  });
  beforeEach(async () => {
    const { fake } = cli.api;
    fake.calls.length = 0;
    fake.changes.length = 0;
    fake.refusal = null;
    await cli.write('bascule.yaml', FILE);
  });

  test('there are at least 40 of them', () => {
    assert.ok(WRONG.length >= 40, `${WRONG.length}`);
  });

  for (const wrong of WRONG) {
    const title = `bascule ${wrong.line}${wrong.idle === true ? ' (no rollout)' : ''}${wrong.file === undefined ? '' : ' (another file)'}`;
    test(`${title} → exit ${wrong.code}`, async () => {
      const { fake } = cli.api;
      fake.show(wrong.idle === true ? IDLE : PROGRESSING);
      if (wrong.file !== undefined) await cli.write('bascule.yaml', wrong.file);
      if (wrong.refusal !== undefined) {
        const [code, message] = wrong.refusal;
        fake.refusal = new OperatingError(code, message, { retryable: false });
      }
      const before = JSON.stringify(await fake.controller.read.services());
      const line = wrong.line.replace('<state>', cli.api.stateDir).replace('<project>', cli.project);

      const ran = await cli.run(line, wrong.scene);

      seen.push(shown(title, ran));
      assert.equal(ran.code, wrong.code, ran.err);
      assert.deepEqual(fake.changes, []);
      assert.equal(JSON.stringify(await fake.controller.read.services()), before);
      if (!isAsked(wrong)) assert.deepEqual(fake.calls, []);
    });
  }

  test(
    'a socket that one may not open → exit 5',
    { skip: process.getuid?.() === 0 ? 'root may open everything' : false },
    async () => {
      const directory = join(cli.project, 'closed/sockets');
      await mkdir(directory, { recursive: true });
      for (const role of ['admin', 'operator', 'viewer']) {
        await symlink(join(cli.api.sockets, `${role}.sock`), join(directory, `${role}.sock`));
      }
      await chmod(directory, 0o000);
      const ran = await cli.run('status', { stateDir: join(cli.project, 'closed') });
      await chmod(directory, 0o700);
      await rm(join(cli.project, 'closed'), { recursive: true });

      assert.equal(ran.code, 5);
      assert.match(ran.err, /^error\[SOCKET_NOT_ALLOWED\]: You may not open any socket in /);
    },
  );

  test('a fault in the server → exit 1, with the request to look for', async () => {
    cli.api.fake.show(PROGRESSING);
    cli.api.fake.onSteer = () => {
      throw new TypeError('inside');
    };
    const ran = await cli.run('pause shop');
    cli.api.fake.onSteer = () => undefined;

    assert.equal(ran.code, 1);
    assert.match(
      ran.err,
      /^error\[SERVER_BUG\]: A fault in Bascule; .*\n {2}now .*\n {2}allowed .*\n {2}request {2}[0-9a-f-]{36}\n/,
    );
  });

  test('a server that goes away for good → exit 4 after a minute, and what is true is said', async () => {
    cli.api.fake.show(PROGRESSING);
    const running = cli.start('wait r-0193 --timeout 2h', { hurry: 200 });
    await new Promise((resolve) => setTimeout(resolve, 50));
    await cli.api.api.stop(100);
    const ran = await running.ended;
    await cli.api.again();

    assert.equal(ran.code, 4);
    assert.match(
      ran.err,
      /^the server does not answer; traffic stays as it is\. Trying for 60 s\.\nerror\[SERVER_UNREACHABLE\]: /,
    );
    assert.match(ran.err, /Start one with: bascule serve\n/);
  });
});

function shown(title: string, ran: Ran): string {
  return `$ ${title}\n${ran.out}${ran.err}→ exit ${ran.code}\n`.replaceAll(
    /[0-9a-f]{8}-[0-9a-f-]{27}/g,
    '<request>',
  );
}
