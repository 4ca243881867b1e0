import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, beforeEach, describe, test } from 'node:test';
import { CANARY, DONE, IDLE, PROGRESSING, ROLLED_BACK, STORY } from '../http/fake-views.ts';
import { FILE, golden, testCli, type TestCli } from './cli-fixture.ts';

describe('commands', () => {
  let cli: TestCli;
  before(async () => {
    cli = await testCli();
    for (const event of STORY) cli.api.fake.record(event);
  });
  after(() => cli.end());
  beforeEach(async () => {
    const { fake } = cli.api;
    fake.calls.length = 0;
    fake.changes.length = 0;
    fake.refusal = null;
    fake.logLines.length = 0;
    fake.onSteer = () => undefined;
    fake.show(PROGRESSING);
    await cli.write('bascule.yaml', FILE);
  });

  const calls = () => cli.api.fake.calls.map((call) => call.replace(' by local (unverified) as admin', ''));

  describe('status', () => {
    test('shows the only service in full', async () => {
      const ran = await cli.run('status');

      assert.deepEqual([ran.code, ran.err], [0, '']);
      golden('cli-status.txt', ran.out);
    });

    test('on a terminal in colour, and without where NO_COLOR is set', async () => {
      const coloured = await cli.run('status shop', { terminal: true, columns: 80 });
      const plain = await cli.run('status shop', { terminal: true, columns: 80, env: { NO_COLOR: '1' } });

      assert.ok(coloured.out.includes('\u001b[32m  ✔ not worse\u001b[0m'));
      assert.ok(!plain.out.includes('\u001b'));
      golden('status-progressing-80-coloured.txt', coloured.out);
    });

    test('as JSON it is the view itself', async () => {
      const ran = await cli.run('status shop --json');

      assert.deepEqual(JSON.parse(ran.out), { schema: 1, services: [PROGRESSING] });
    });

    test('-w off a terminal: what is, a line for each event, the outcome as exit code', async () => {
      const { fake } = cli.api;
      const running = cli.start('status shop -w');
      await running.until(/next {5}50%/);
      fake.record({ ...STORY[4]!, seq: 6, atMs: STORY[4]!.atMs + 214_000, says: [ROLLED_BACK.reason!] });
      await running.until(/14:09:44 r-0193 error-rate/);
      fake.rollout(ROLLED_BACK);
      fake.record({
        ...STORY[4]!,
        seq: 7,
        atMs: STORY[4]!.atMs + 214_040,
        says: ['100% on v42 again (0.04s)'],
      });
      const ran = await running.ended;

      assert.equal(ran.code, 10);
      assert.equal(
        ran.out.split('\n').slice(-4).join('\n'),
        '14:09:44 r-0193 error-rate +1.2pp [+0.6 … +1.9] is over +0.5pp, after 3 118 requests on v43\n' +
          '14:09:44 r-0193 100% on v42 again (0.04s)\n' +
          'shop v43 rolled-back: error-rate +1.2pp [+0.6 … +1.9] is over +0.5pp, after 3 118 requests on v43\n',
      );
      assert.equal(ran.err, 'why: bascule why r-0193  → exit 10\n');
    });

    test('-w with nothing under way shows what is and ends', async () => {
      cli.api.fake.show(IDLE);
      const ran = await cli.run('status -w');

      assert.equal(ran.code, 0);
      assert.match(ran.out, /^shop {2}● serving {3}100% on v42/);
    });
  });

  describe('wait', () => {
    test('ends with the outcome', async () => {
      cli.api.fake.rollout(ROLLED_BACK);
      const ran = await cli.run('wait r-0193');

      assert.deepEqual(ran, {
        code: 10,
        out: 'shop v43 rolled-back: error-rate +1.2pp [+0.6 … +1.9] is over +0.5pp, after 3 118 requests on v43\n',
        err: '',
      });
    });

    test('for a step: 0 when it is there', async () => {
      assert.deepEqual(await cli.run('wait r-0193 --for step=2'), {
        code: 0,
        out: 'r-0193: progressing, step 2/4\n',
        err: '',
      });
    });

    test('for a pause: 0 when it is paused', async () => {
      cli.api.fake.rollout({ ...CANARY, paused: true, waiting: 'paused by ana' });
      assert.deepEqual(await cli.run('wait r-0193 --for paused'), {
        code: 0,
        out: 'r-0193: paused, step 2/4, paused by ana\n',
        err: '',
      });
    });

    test('14 when the time is over, and the rollout goes on', async () => {
      assert.deepEqual(await cli.run('wait r-0193 --for step=3 --timeout 20ms'), {
        code: 14,
        out: 'r-0193 goes on after 0.02s: progressing, step 2/4\n',
        err: '',
      });
    });

    test('130 on Ctrl-C', async () => {
      const running = cli.start('wait r-0193 --json');
      await new Promise((resolve) => setImmediate(resolve));
      running.interrupt();

      assert.equal((await running.ended).code, 130);
    });
  });

  test('why: the sentence, the numbers, the time line', async () => {
    cli.api.fake.rollout(ROLLED_BACK);
    const ran = await cli.run('why r-0193');

    assert.equal(ran.code, 0);
    assert.match(ran.out, /^r-0193 {2}error-rate \+1\.2pp/);
    assert.match(ran.out, /14:06:10 {2}step 2\/4: 25%/);
    assert.match(
      (await cli.run('why r-0193 --markdown')).out,
      /^## r-0193: .*\n\n- \*\*rollout\*\*: shop v42 → v43, canary/,
    );
    const json = JSON.parse((await cli.run('why r-0193 --json')).out) as { why: { rollout: unknown } };
    assert.deepEqual(json.why.rollout, ROLLED_BACK);
  });

  test('judge: a rollout once more, by its own rules and by changed ones', async () => {
    cli.api.fake.rollout(ROLLED_BACK);
    const own = await cli.run('judge --rollout r-0193 --recorded');
    const changed = await cli.run('judge --rollout r-0193 --set error-rate=2pp --markdown');
    const found = await cli.run('judge shop --from 2026-03-04 --to 2026-03-05 --json');

    assert.deepEqual([own.code, own.err], [0, '']);
    assert.match(own.out, /^r-0193 {2}v43: the same rules give the same verdicts, bit for bit;/);
    assert.match(own.out, /same {5}2 of 2 decisions and the last verdict, bit for bit\n/);
    assert.match(changed.out, /^## r-0193: v43 would have gone back 34s into 5%/);
    assert.match(changed.out, /\*\*rules\*\*: changed: judge error-rate=2pp/);
    assert.match(changed.out, /\n\| error-rate \| 1\.4 % \|/);
    const json = JSON.parse(found.out) as { judge: { rollout: unknown; rules: { which: string } } };
    assert.deepEqual([json.judge.rollout, json.judge.rules.which], [ROLLED_BACK, 'today']);
  });

  test('history: of a service, and of all', async () => {
    const line = 'r-0192  shop  v41 → v42  2026-03-03 14:01  32m10s  ✔ done: v42 serves all traffic\n';
    assert.ok((await cli.run('history shop')).out.endsWith(line));
    assert.deepEqual(await cli.run('history'), await cli.run('history shop'));
    assert.equal((await cli.run('history --limit 1')).out.split('\n').length, 2);
    const { rollouts } = JSON.parse((await cli.run('history --json')).out) as { rollouts: unknown[] };
    assert.deepEqual(rollouts.at(-1), DONE);
  });

  test('logs: lines of the replicas, without what could steer a terminal', async () => {
    cli.api.fake.logLines.push({ replica: 0, releaseId: 'shop/v42', text: 'hello' });
    cli.api.fake.logLines.push({ replica: 1, releaseId: 'shop/v42', text: 'a\u001b[2Jb' });

    assert.deepEqual(await cli.run('logs shop --tail 10'), {
      code: 0,
      out: '0 | hello\n1 | a·[2Jb\n',
      err: '',
    });
    assert.equal(
      (await cli.run('logs shop --tail 1 --json')).out,
      '{"schema":1,"replica":1,"releaseId":"shop/v42","text":"a\\u001b[2Jb"}\n',
    );
    const running = cli.start('logs shop -f');
    await running.until(/hello/);
    running.interrupt();
    assert.equal((await running.ended).code, 130);
  });

  describe('steering', () => {
    const cases: readonly [string, string, string][] = [
      ['promote shop', 'promote from-step-3 shop', 'promote from-step-3: recorded.'],
      ['promote shop --full', 'promote full shop', 'promote full: recorded.'],
      ['promote shop --from-step 2', 'promote from-step-3 shop', 'promote from-step-3: recorded.'],
      ['promote shop --from-step 1', 'promote from-step-2 shop', 'promote from-step-2: recorded.'],
      ['promote shop --from-step 4', 'promote from-step-5 shop', 'promote from-step-5: recorded.'],
      ['pause shop', 'pause shop', 'pause: recorded.'],
      ['resume shop', 'resume shop', 'resume: recorded.'],
      ['weight shop 25', 'weight 25 shop', 'weight 25: recorded.'],
      ['weight shop 12.5%', 'weight 12.5 shop', 'weight 12.5: recorded.'],
      ['weight shop 60 --yes', 'weight 60! shop', 'weight 60!: recorded.'],
      ['abort shop', 'abort shop', 'all traffic goes back to v42.'],
      ['abort shop --rollout r-0193', 'abort shop r-0193', 'all traffic goes back to v42.'],
      ['rollback shop', 'rollback shop last good', 'back to v41.'],
      ['rollback shop v40', 'rollback shop v40', 'back to v40.'],
      ['retry r-0193', 'retry r-0193', 'r-0194 begins: v43 again.'],
    ];
    for (const [line, call, message] of cases) {
      test(line, async () => {
        assert.deepEqual(await cli.run(line), {
          code: 0,
          out: `${message}\n`,
          err: 'follow: bascule status shop -w\n',
        });
        assert.deepEqual(calls(), [call]);
      });
    }

    test('remove shop --yes', async () => {
      assert.deepEqual(await cli.run('remove shop --yes'), {
        code: 0,
        out: 'shop is taken away.\n',
        err: '',
      });
    });

    test('as JSON the answer itself', async () => {
      const ran = await cli.run('pause shop --json');

      const answer = { result: 'done', message: 'pause: recorded.', service: PROGRESSING, rollout: CANARY };
      assert.deepEqual(JSON.parse(ran.out), { schema: 1, ...answer });
      assert.equal(ran.err, '');
    });

    test('who asks is said by BASCULE_ACTOR', async () => {
      await cli.run('pause shop', { env: { BASCULE_ACTOR: 'ana via CI #881' } });

      assert.deepEqual(cli.api.fake.calls, ['pause shop by ana via CI #881 (unverified) as admin']);
    });

    test('the role is that of the socket', async () => {
      const operator = join(cli.api.sockets, 'operator.sock');
      assert.equal((await cli.run(`pause shop --socket ${operator}`)).code, 0);
      assert.deepEqual(cli.api.fake.calls, ['pause shop by local (unverified) as operator']);
      const viewer = join(cli.api.sockets, 'viewer.sock');
      const refused = await cli.run(`pause shop --socket ${viewer}`);
      assert.equal(refused.code, 5);
      assert.equal(
        refused.err,
        'error[ROLE_TOO_LOW]: POST /services/:service/pause needs the role operator, and this socket gives viewer; nothing changed.\n' +
          '  now      75% on v42, 25% on v43; r-0193 is dwelling\n' +
          '  allowed  pause, promote, promote-full, weight, abort, rollback, supersede\n' +
          '  more     bascule explain ROLE_TOO_LOW\n',
      );
    });
  });

  describe('apply', () => {
    test('shows the difference and then applies it', async () => {
      await cli.write('bascule.yaml', FILE.replace('replicas: 2', 'replicas: 3'));
      assert.deepEqual(await cli.run('apply'), {
        code: 0,
        out: 'shop: replicas 2 → 3\nshop is applied.\n',
        err: '',
      });
      assert.deepEqual(calls(), ['apply shop (dry run)', 'apply shop']);
    });

    test('--dry-run changes nothing; neither does a file that says what is', async () => {
      assert.deepEqual(await cli.run('apply shop'), {
        code: 0,
        out: 'shop: as the file says already\n',
        err: '',
      });
      await cli.write('bascule.yaml', FILE.replace('replicas: 2', 'replicas: 3'));
      assert.deepEqual(await cli.run('apply --dry-run'), { code: 0, out: 'shop: replicas 2 → 3\n', err: '' });
      assert.deepEqual(cli.api.fake.changes, []);
    });

    test('a service that is refused leaves the others alone, too', async () => {
      await cli.write(
        'bascule.yaml',
        `${FILE.replace('replicas: 2', 'replicas: 3')}  other:\n    run: x\n    listen: 8081\n`,
      );
      const ran = await cli.run('apply');

      assert.equal(ran.code, 2);
      assert.match(ran.err, /^error\[SERVICE_UNKNOWN\]: There is no service other/);
      assert.deepEqual(cli.api.fake.changes, []);
    });
  });

  describe('check', () => {
    test('says what the file means and what the server thinks of it', async () => {
      await cli.write('bascule.yaml', `${FILE}  other:\n    run: x\n    listen: 8081\n`);
      assert.deepEqual(await cli.run('check'), {
        code: 0,
        out:
          'bascule.yaml is valid: shop (canary 5% → 25% → 50% → 100%), other (blue-green 100%)\n' +
          'server 0.1.0 runs (/var/lib/bascule)\n' +
          'shop: as the server has it\n' +
          'other: not there yet; the first deploy opens its door\n',
        err: '',
      });
      assert.deepEqual(cli.api.fake.changes, []);
    });

    test('without a server the file is all there is to check', async () => {
      assert.deepEqual(await cli.run('check', { stateDir: '/nonexistent' }), {
        code: 0,
        out: 'bascule.yaml is valid: shop (canary 5% → 25% → 50% → 100%)\n',
        err: 'no server runs, so only the file was checked. Start one with: bascule serve\n',
      });
    });
  });

  describe('plan', () => {
    test('shows what a deploy would do, and starts nothing', async () => {
      const ran = await cli.run('plan --version v43');

      assert.equal(ran.code, 0);
      golden('cli-plan.txt', ran.out);
      assert.deepEqual(calls(), ['plan shop v43']);
      assert.deepEqual(cli.api.fake.changes, []);
    });

    test('--detailed-exitcode: 20 where there is something to do', async () => {
      assert.equal((await cli.run('plan --version v43 --detailed-exitcode')).code, 20);
    });

    test('15 where something stands in the way', async () => {
      const { plan } = cli.api.fake;
      cli.api.fake.plan = { ...plan, obstacles: ['r-0193 is under way'] };
      const ran = await cli.run('plan --version v43 --detailed-exitcode');
      cli.api.fake.plan = plan;

      assert.equal(ran.code, 15);
      assert.match(ran.out, /✖ refused {2}r-0193 is under way\n$/);
    });
  });

  test('config prints what the file expands to', async () => {
    const ran = await cli.run('config');

    assert.equal(ran.code, 0);
    assert.match(ran.out, /^version: 1\nservices:\n {2}shop:\n {4}run: node server\.mjs\n/);
    assert.match(ran.out, /steps: \[5%, 25%, 50%, 100%\]|steps:\n/);
    const { services } = JSON.parse((await cli.run('config --json')).out) as {
      services: { shop: { name: string } };
    };
    assert.equal(services.shop.name, 'shop');
  });

  test('schema prints the JSON Schema', async () => {
    const schema = JSON.parse((await cli.run('schema')).out) as { $schema: string };

    assert.equal(schema.$schema, 'http://json-schema.org/draft-07/schema#');
  });

  test('explain tells about a code of the file, and of the server', async () => {
    assert.match((await cli.run('explain e017')).out, /^E017: canary steps must grow\n/);
    assert.match(
      (await cli.run('explain ROLE_TOO_LOW')).out,
      /^ROLE_TOO_LOW: your role does not allow this\n/,
    );
    const json = JSON.parse((await cli.run('explain E017 --json')).out) as { title: string };
    assert.equal(json.title, 'canary steps must grow');
  });

  test('serve and proxy hand over to what main gives', async () => {
    assert.equal((await cli.run('serve --config server.yaml')).code, 0);
    assert.equal((await cli.run('proxy --state-dir /p --workers 3')).code, 0);

    assert.deepEqual(cli.served, [
      { stateDir: cli.api.stateDir, configFile: join(cli.project, 'server.yaml') },
      { stateDir: '/p', workers: 3 },
    ]);
  });

  describe('deploy', () => {
    test('packs, uploads once, and follows to the outcome', async () => {
      const { fake } = cli.api;
      fake.artifacts.clear();
      const running = cli.start('deploy --version v43');
      await running.until(/step 2\/4: 25%/);
      fake.rollout({ ...ROLLED_BACK });
      const ran = await running.ended;

      assert.equal(ran.code, 10);
      golden('cli-deploy-stderr.txt', ran.err.replace(/sent v43: .*/, 'sent v43: …'));
      assert.equal(ran.out, `shop v43 rolled-back: ${ROLLED_BACK.reason}\n`);
      assert.equal(fake.artifacts.size, 1);
      fake.show(PROGRESSING);
      const again = await cli.run('deploy --version v43 --detach');
      assert.deepEqual(again, { code: 0, out: 'r-0193\n', err: 'rollout of v43 begins.\n' });
    });

    test('as JSON: an object for each event, and one for the end', async () => {
      cli.api.fake.onSteer = () => cli.api.fake.rollout(CANARY);
      const running = cli.start('deploy --version v43 --json');
      await running.until(/"seq":5/);
      cli.api.fake.rollout({
        ...CANARY,
        phase: 'over',
        outcome: 'done',
        exitCode: 0,
        endedAtMs: CANARY.startedAtMs + 1,
      });
      const ran = await running.ended;

      const lines = ran.out
        .trimEnd()
        .split('\n')
        .map((line) => JSON.parse(line) as { schema: number; type: string });
      assert.equal(ran.code, 0);
      assert.equal(ran.err, '');
      assert.ok(lines.every((line) => line.schema === 1));
      assert.deepEqual(new Set(lines.slice(0, -1).map((line) => line.type)), new Set(['event']));
      assert.equal(lines.at(-1)?.type, 'end');
    });

    test('what serves already is nothing to do', async () => {
      assert.deepEqual(await cli.run('deploy --version v42'), {
        code: 0,
        out: 'v42 is what serves already.\n',
        err: '',
      });
    });

    test('--supersede, --plan and the service by name are handed on', async () => {
      await cli.run('deploy shop --version v44 --supersede --plan p-7f3a --detach');

      assert.deepEqual(calls(), ['deploy shop v44 supersede p-7f3a']);
    });

    test('13 at once when it asks a person and nobody is there; --until paused takes it as reached', async () => {
      const asking = { ...CANARY, phase: 'asking' as const, waiting: 'a person: the plan asks' };
      cli.api.fake.rollout(asking);
      const ran = await cli.run('deploy --version v43');
      const until = await cli.run('deploy --version v43 --until paused');

      assert.deepEqual([ran.code, ran.out], [13, 'r-0193 waits: a person: the plan asks\n']);
      assert.match(ran.err, /go on: bascule promote shop {3}back: bascule abort shop {2}→ exit 13\n$/);
      assert.deepEqual([until.code, until.out], [0, 'r-0193 waits: a person: the plan asks\n']);
    });

    test('Ctrl-C leaves; the last line says how to take it back', async () => {
      const running = cli.start('deploy --version v43');
      await running.until(/step 2\/4/);
      running.interrupt();
      const ran = await running.ended;

      assert.equal(ran.code, 130);
      assert.ok(ran.err.endsWith('detached: r-0193 goes on. To take it back: bascule abort shop\n'));
    });

    test('on a terminal: a live block, keys that steer, and the result in the end', async () => {
      const running = cli.start('deploy --version v43', { terminal: true, columns: 80 });
      await running.until(/q leave/);
      running.press('s');
      await running.until(/pause: recorded\./);
      running.press('p');
      await running.until(/promote from-step-3: recorded\./);
      running.press('w');
      await running.until(/bascule why r-0193/);
      running.press('a');
      await running.until(/all traffic goes back/);
      cli.api.fake.rollout(ROLLED_BACK);
      cli.api.fake.record({ ...STORY[4]!, seq: 100, says: ['100% on v42 again'] });
      const ran = await running.ended;

      assert.equal(ran.code, 10);
      assert.ok(ran.err.includes('\u001b[14F'));
      assert.deepEqual(calls().slice(1), ['pause shop', 'promote from-step-3 shop', 'abort shop r-0193']);
      assert.match(ran.out, /^shop v43 rolled-back/);
    });

    test('q leaves the block; the rollout goes on', async () => {
      const running = cli.start('deploy --version v43', { terminal: true });
      await running.until(/q leave/);
      running.press('q');

      assert.equal((await running.ended).code, 130);
    });

    test('the version is what git calls it, and a commit can be released', async () => {
      const git = (...words: string[]) =>
        execFileSync('git', ['-c', 'user.name=t', '-c', 'user.email=t@t', ...words], {
          cwd: cli.project,
          stdio: 'pipe',
        });
      git('init', '-q');
      git('add', '.');
      git('commit', '-q', '-m', 'one');
      git('tag', 'release/1.0');
      const running = await cli.run('deploy --detach --from release/1.0');
      await rm(join(cli.project, '.git'), { recursive: true, force: true });

      assert.equal(running.code, 0);
      assert.match(calls()[0]!, /^deploy shop (release-1\.0|[0-9a-f]{7,})$/);
    });

    test('outside of git the version is the beginning of the digest', async () => {
      await cli.run('deploy --detach');

      assert.match(calls()[0]!, /^deploy shop [0-9a-f]{12}$/);
    });

    test('a follower survives the server: it comes back, and no event is missing or twice', async () => {
      const { fake } = cli.api;
      const running = cli.start('deploy --version v43');
      await running.until(/step 2\/4: 25%/);
      await cli.api.api.stop(100);
      fake.record({ ...STORY[4]!, seq: 200, says: ['while it was away'] });
      await running.until(/the server does not answer/);
      await cli.api.again();
      await running.until(/while it was away/);
      fake.rollout(ROLLED_BACK);
      fake.record({ ...STORY[4]!, seq: 201, says: ['the end'] });
      const ran = await running.ended;

      assert.equal(ran.code, 10);
      const story = fake.events.flatMap((event) => event.says);
      const printed = ran.err.split('\n').flatMap((line) => / r-0193 (.*)$/.exec(line)?.[1] ?? []);
      assert.deepEqual(
        printed.filter((line) => story.includes(line)),
        story,
      );
      assert.match(
        ran.err,
        /the server does not answer; traffic stays as it is\. Trying for 60 s\.\nthe server is back\.\n/,
      );
    });
  });
});
