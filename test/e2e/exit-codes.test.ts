/** Every exit code, by the real program. The last test holds the list of docs/cli.md to what was shown here. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { chmod } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import type { Ran } from './harness.ts';
import { endByPid } from './processes.ts';
import { blueGreen, canary, lasting, openStage, told, type App, type Stage } from './stage.ts';

const PAGE = new URL('../../docs/cli.md', import.meta.url);
/** Only a bug of Bascule leads there. */
const CANNOT_BE_SHOWN: ReadonlySet<number> = new Set([1]);

const shown = new Map<number, string>();
const closers: (() => Promise<void>)[] = [];
let stage: Stage;

before(async () => {
  stage = await openStage({ after: (close) => void closers.push(close) });
});
after(async () => {
  for (const close of closers.toReversed()) await close();
});

/** The test that is named shows the code. */
function shows(code: number, by: { readonly name: string }, ran: Ran): void {
  assert.equal(ran.code, code, told(ran));
  shown.set(code, by.name);
}

async function serving(name: string, strategy: unknown): Promise<App> {
  const app = await stage.app(name, { strategy });
  const ran = await app.deploy('v1');
  assert.equal(ran.code, 0, told(ran));
  return app;
}

describe('exit codes', { concurrency: 3 }, () => {
  test('17 the way back cannot be proven: a proxy that stands still', { timeout: 60_000 }, async (t) => {
    const own: (() => Promise<void>)[] = [];
    t.after(async () => {
      for (const close of own.toReversed()) await close();
    });
    const alone = await openStage({ after: (close) => void own.push(close) });
    const app = await alone.app('stuck', { strategy: lasting() });
    assert.equal((await app.deploy('v1')).code, 0);
    const deploy = await app.begin('v2');
    await app.untilDwelling();
    const proxy = alone.world.processes().filter(({ command }) => /proxy-program/.test(command));
    assert.equal(proxy.length, 1);

    process.kill(proxy[0]!.pid, 'SIGSTOP');
    assert.equal((await app.verb('abort')).code, 0);

    const ran = await deploy.ran;
    process.kill(proxy[0]!.pid, 'SIGCONT');
    shows(17, t, ran);
    // It goes on trying, and gets there.
    assert.equal((await app.untilOver()).users, '100% on v1');
    assert.equal((await app.ask()).version, 'v1');
  });

  test('0 done; 20 plan --detailed-exitcode finds a change, 0 none', async (t) => {
    const app = await stage.app('fine', { strategy: canary() });
    const plan = ['plan', 'fine', '--version', 'v1'];

    assert.equal((await app.run(plan)).code, 0);
    shows(20, t, await app.run([...plan, '--detailed-exitcode']));
    const ran = await app.deploy('v1');
    shows(0, t, ran);
    assert.match(ran.stdout, /^fine v1 done: v1 serves all traffic\n$/);
    assert.match(ran.stderr, /PROMOTED: 100% on v1/);
    await app.write('version.json', '{"version":"v1"}');
    const again = await app.run([...plan, '--detailed-exitcode']);
    assert.equal(again.code, 0, told(again));
  });

  test('2 wrong usage, an unknown name, an invalid file', async (t) => {
    const app = await stage.app('wrong');
    await app.describe({ strategy: { canary: { steps: ['10%', '50%'] } } });

    const file = await app.run(['check']);
    shows(2, t, file);
    assert.match(file.stderr, /error\[E016\]/);
    shows(2, t, await app.run(['deploy', '--colour', 'blue']));
    shows(2, t, await app.run(['status', 'nobody']));
    shows(2, t, await app.run(['why', 'r-00000000']));
  });

  test('4 no server answers', async (t) => {
    const ran = await stage.run(['status', '--socket', join(stage.stateDirectory, 'no.sock')]);

    shows(4, t, ran);
    assert.match(ran.stderr, /bascule serve/);
  });

  test('5 the role does not allow it', async (t) => {
    const app = await serving('viewed', canary());
    const viewer = ['--socket', join(stage.stateDirectory, 'sockets', 'viewer.sock')];
    const operator = ['--socket', join(stage.stateDirectory, 'sockets', 'operator.sock')];

    shows(5, t, await app.verb('abort', ...viewer));
    shows(5, t, await app.verb('remove', '--yes', ...operator));
    assert.equal((await app.verb('status', ...viewer)).code, 0);
    assert.equal((await app.ask()).version, 'v1');
  });

  test('10 rolled back: the judge finds it harmful on real traffic', async (t) => {
    const app = await serving('harmful', lasting());
    const load = app.load();

    const ran = await app.deploy('v2', { errorRate: 0.3 });

    shows(10, t, ran);
    assert.match(ran.stdout, /^harmful v2 rolled-back: /);
    const seen = await load.stop();
    assert.equal(seen.failed, 0, JSON.stringify(seen.examples));
    const why = await app.run(['why', (await app.view()).last!.id]);
    assert.match(why.stdout, /error-rate\s+v2 .*✖ worse/, told(why));
    assert.equal((await app.view()).last!.cause, 'harmful');
    const logs = await app.run(['logs', 'harmful', '--version', 'v2', '--tail', '5']);
    assert.equal(logs.code, 0, `its output stays though it is in no slot: ${told(logs)}`);
  });

  test('10 rolled back: severe, the candidate dies', async (t) => {
    const app = await serving('dying', lasting());
    const deploy = await app.begin('v2');
    await app.untilDwelling();

    const [pid, since] = [await app.pidOf('candidate'), performance.now()];
    endByPid(pid);

    shows(10, t, await deploy.ran);
    t.diagnostic(
      `back ${Math.round(performance.now() - since)} ms after the kill, the follower's end included`,
    );
    const { last, stable } = await app.view();
    assert.deepEqual([last!.cause, stable], ['severe', 'v1']);
  });

  test('10 rolled back: in the watch after 100 %', async (t) => {
    const app = await serving('watched', blueGreen({ watch: '1m' }));
    const load = app.load({ newcomers: 1 });
    await load.served('v1', 300, 10_000);

    const ran = await app.deploy('v2', { errorRate: 0.9 });

    shows(10, t, ran);
    assert.equal((await load.stop()).failed, 0);
    const { last, stable } = await app.view();
    assert.deepEqual([last!.cause, stable], ['watch', 'v1']);
  });

  test('11 aborted by a person, or rolled back by one; 14 a wait that timed out; 15 refused', async (t) => {
    const app = await serving('taken', lasting());
    const deploy = await app.begin('v2');
    const { rollout } = await app.untilDwelling();

    shows(14, t, await app.run(['wait', rollout!.id, '--timeout', '200ms']));
    const refused = await app.deploy('v3');
    shows(15, t, refused);
    assert.match(refused.stderr, /ROLLOUT_UNDER_WAY/);
    assert.equal((await app.verb('abort', '--rollout', rollout!.id)).code, 0);
    shows(11, t, await deploy.ran);
    shows(11, t, await app.run(['wait', rollout!.id]));

    const other = await app.begin('v4');
    await app.untilDwelling();
    assert.equal((await app.verb('rollback')).code, 0);
    shows(11, t, await other.ran);
    shows(15, t, await app.verb('promote'));
  });

  test('15 a refused deploy leaves the policy of the file unapplied', async (t) => {
    const app = await serving('unmoved', lasting());
    await app.deployDetached('v2');
    await app.untilDwelling();
    await app.describe({ strategy: lasting({ 'keep-old': '7m' }) });

    shows(15, t, await app.deploy('v3'));

    const preview = await app.run(['apply', '--dry-run']);
    assert.match(preview.stdout, /keep-old: 1m -> 7m/, told(preview));
  });

  test('12 back because undecided', async (t) => {
    const unsure = { wait: '0s', then: 'rollback' };
    const app = await serving(
      'unsure',
      canary({ dwell: { 'at-least': '1s', 'at-most': '1s' }, 'when-unsure': unsure }),
    );

    const ran = await app.deploy('v2');

    shows(12, t, ran);
    assert.match(ran.stdout, /undecided after 1s: only 0 requests/);
    assert.equal((await app.ask()).version, 'v1');
  });

  test('13 waits for a person, who then says yes', async (t) => {
    const app = await serving('asking', blueGreen({ ask: true }));

    const ran = await app.deploy('v2');

    shows(13, t, ran);
    assert.match(ran.stderr, /bascule promote asking/);
    assert.equal((await app.ask()).version, 'v1');
    const waited = await app.run(['wait', (await app.view()).rollout!.id, '--for', 'paused']);
    assert.equal(waited.code, 0, told(waited));
    assert.equal((await app.verb('promote')).code, 0);
    await app.untilOver();
    assert.equal((await app.ask()).version, 'v2');
  });

  test('16 the build fails', async (t) => {
    const app = await stage.app('unbuilt', { build: 'echo no such compiler >&2; exit 3' });

    const ran = await app.deploy('v1');

    shows(16, t, ran);
    assert.match(ran.stdout, /no such compiler/);
    assert.equal((await app.ask()).status, 503);
  });

  test('16 it listens on another port than $PORT', async (t) => {
    const app = await stage.app('elsewhere', { run: 'node fixed.mjs', 'ready-within': '2s' });
    await app.write(
      'fixed.mjs',
      `import { createServer } from 'node:http';
       const server = createServer((_, answer) => answer.end('hello'));
       server.listen(0, '127.0.0.1', () => console.log('hello from ' + server.address().port));`,
    );

    const ran = await app.deploy('v1');

    shows(16, t, ran);
    const { slots } = await app.view();
    const given = slots.blue.addresses[0]!.split(':')[1]!;
    const listens = /said: hello from (\d+)/.exec(ran.stdout)?.[1];
    assert.ok(ran.stdout.includes(`listens on ${listens}, not on $PORT (${given})`), told(ran));
    assert.match(ran.stdout, new RegExp(`GET http://127.0.0.1:${given}/healthz: connection refused`));
    assert.match(ran.stdout, /v1 was not ready within 2s/);
  });

  test('16 it crashes at its start, with its last words', async (t) => {
    const app = await serving('crashing', canary());
    await app.describe({ run: 'node -e "console.error(\'no database\'); process.exit(7)"' });

    const ran = await app.deploy('v2');

    shows(16, t, ran);
    assert.match(ran.stdout, /v2 crashed 3 times before it was ready/);
    assert.match(ran.stdout, /exit code 7/);
    assert.match(ran.stdout, /no database/);
    assert.equal((await app.ask()).version, 'v1');
  });

  test('16 a first version that a person takes back: 503 with Retry-After', async (t) => {
    const app = await stage.app('stillborn', { health: { path: '/never', interval: '100ms' } });
    const deploy = await app.begin('v1');
    await app.until('probing', ({ rollout }) => rollout?.phase === 'probing');

    assert.equal((await app.verb('abort')).code, 0);

    shows(16, t, await deploy.ran);
    const answer = await app.ask();
    assert.deepEqual([answer.status, Number(answer.headers['retry-after']) > 0], [503, true]);
  });

  test('18 superseded: the first ends so, the second is followed to its own end', async (t) => {
    const app = await serving('replaced', lasting());
    const first = await app.begin('v2');
    await app.untilDwelling();

    await app.describe({ strategy: blueGreen() });
    const second = await app.deploy('v3', {}, '--supersede');

    shows(18, t, await first.ran);
    assert.equal(second.code, 0, told(second));
    assert.match(second.stdout, /replaced v3 done/);
    assert.equal((await app.ask()).version, 'v3');
  });

  test('11, 18 what waits for another to be gone is aborted, or superseded itself', async (t) => {
    const app = await serving('queued', lasting());
    const deaf = "process.on('SIGTERM', () => undefined); setInterval(() => undefined, 1000);";
    await app.write('deaf.mjs', deaf);
    // Never ready, and slow to go: there is time to wait for it.
    await app.describe({ strategy: lasting(), run: 'node deaf.mjs', 'stop-grace': '8s' });
    await app.deployDetached('v2');
    await app.until('probing', ({ rollout }) => rollout?.phase === 'probing');
    const second = await app.begin('v3', {}, '--supersede');
    await app.until('going back', ({ rollout }) => rollout?.outcome === 'superseded');

    const third = await app.begin('v4', {}, '--supersede');
    shows(18, t, await second.ran);
    assert.equal((await app.verb('abort')).code, 0);
    shows(11, t, await third.ran);
    assert.match((await third.ran).stdout, /queued v4 aborted: aborted before it began/);
    assert.equal((await app.untilOver()).stable, 'v1');
  });

  test('130 Ctrl-C leaves the follower, and the rollout goes on', async (t) => {
    const app = await serving('detached', canary({ dwell: { 'at-least': '3s', 'at-most': '3s' } }));
    const deploy = await app.begin('v2');
    await app.untilDwelling();

    deploy.signal('SIGINT');

    const ran = await deploy.ran;
    shows(130, t, ran);
    assert.match(ran.stderr, /detached: r-[0-9a-f]{8} goes on\. To take it back: bascule abort detached/);
    assert.equal((await app.view()).rollout?.label, 'v2');
    assert.equal((await app.untilOver()).last?.outcome, 'done');
  });
});

test('21 the doctor finds a failure', async (t) => {
  const key = join(stage.stateDirectory, 'keys', 'journal.key');
  await chmod(key, 0o444);
  const ran = await stage.run(['doctor']);
  await chmod(key, 0o400);

  shows(21, t, ran);
});

test('every exit code of docs/cli.md was shown', () => {
  const table = readFileSync(PAGE, 'utf8').split('## Exit codes')[1]!;
  const codes = [...table.matchAll(/^\| (\d+) \|/gm)].map(([, code]) => Number(code));
  assert.ok(codes.length > 14, `only ${codes.length} codes in ${PAGE.pathname}`);

  assert.deepEqual(
    codes.filter((code) => !shown.has(code) && !CANNOT_BE_SHOWN.has(code)),
    [],
  );
});
