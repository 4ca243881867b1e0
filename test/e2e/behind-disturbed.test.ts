/**
 * nginx and HAProxy in the middle of a rollout, when the controller is killed, when somebody else reloads or restarts the
 * proxy, and when the machine is restarted: everybody keeps the version that the share gave, or gets nothing for a moment.
 */
import assert from 'node:assert/strict';
import { chmod } from 'node:fs/promises';
import { after, before, describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { absentProxy, OTHERS, type OthersKind } from './behind.ts';
import { turnOff } from './machine-off.ts';
import { askEverybody, people, type People } from './people.ts';
import { lasting, openStage, told, type App, type Stage } from './stage.ts';
import { waitFor } from './wait-for.ts';

const RESTORED_WITHIN_MS = 1000;
/** On a machine busy with other tests a process may wait that long for a processor; one of a few tries does not. */
const RESTARTS = 4;

for (const kind of OTHERS) {
  describe(`a rollout behind ${kind}`, { skip: absentProxy(kind) ?? false }, () => {
    const closers: (() => Promise<void>)[] = [];
    let stage: Stage;

    before(async () => {
      stage = await openStage({ after: (close) => void closers.push(close) });
      // Workers are of another user where this one is root.
      await chmod(stage.world.directory, 0o755);
    });
    after(async () => {
      for (const close of closers.toReversed()) await close();
    });

    test('goes on where the controller is killed', async () => {
      const { app, everybody } = await halfWay(stage, kind, 'killed');
      const load = app.load({ perSecond: 60 });
      await load.served('v2', 20, 10_000);
      const asking = askEverybody(app, everybody);

      await stage.controller().stop('SIGKILL');
      await sleep(500);
      await stage.serve();
      await app.untilDwelling();

      const { wrong, unanswered } = await asking.stop();
      assert.deepEqual([wrong, unanswered], [[], 0]);
      assert.equal((await app.verb('promote', '--full')).code, 0);
      await app.untilOver();
      assert.equal((await app.ask()).version, 'v2');
      const seen = await load.stop();
      assert.equal(seen.failed, 0, JSON.stringify(seen.examples));
    });

    test('keeps its share where somebody else reloads the proxy', async (t) => {
      const { app, rollout, everybody } = await halfWay(stage, kind, 'reloaded');
      const former = workers(stage, kind);
      const asking = askEverybody(app, everybody);

      process.kill(master(stage, kind), kind === 'nginx' ? 'SIGHUP' : 'SIGUSR2');
      await waitFor('other workers', () => workers(stage, kind).some((pid) => !former.includes(pid)));
      await asking.round();
      await asking.round();

      const { wrong, longestGapMs } = await asking.stop();
      t.diagnostic(`no answer for at most ${longestGapMs.toFixed(0)} ms`);
      assert.deepEqual(wrong, []);
      // What it had counted before is counted after, too.
      await app.until('its share', ({ users }) => users === '50% on v1, 50% on v2');
      assert.doesNotMatch(told(await app.run(['why', rollout])), /lost/);
      await end(app);
    });

    test('has its share again within a second where somebody else restarts the proxy', async (t) => {
      const { app, rollout, everybody } = await halfWay(stage, kind, 'restarted');
      const gaps: number[] = [];
      for (let i = 0; i < RESTARTS && !(Math.min(...gaps) <= RESTORED_WITHIN_MS); i += 1) {
        const former = master(stage, kind);
        const asking = askEverybody(app, everybody);
        process.kill(former, 'SIGTERM');
        await waitFor('another one', () => (master(stage, kind) ?? former) !== former);
        await asking.round();
        await asking.round();
        const { wrong, longestGapMs } = await asking.stop();
        gaps.push(longestGapMs);
        assert.deepEqual(wrong, []);
      }
      t.diagnostic(`no answer for at most ${gaps.map((gap) => gap.toFixed(0)).join(', ')} ms`);
      assert.ok(Math.min(...gaps) <= RESTORED_WITHIN_MS, `${gaps.join(', ')} ms`);

      const words = /lost its counts of \d+ seconds \((?:nginx|HAProxy) was started anew/;
      await waitFor('what happened to be told', async () => {
        const { stdout } = await app.run(['why', rollout]);
        if (!words.test(stdout.replaceAll(/\s+/g, ' '))) throw new Error(stdout);
        return true;
      });
      assert.equal((await app.view()).users, '50% on v1, 50% on v2');
      await end(app);
    });

    test('ends where the machine is restarted, and nobody gets what it tried', async () => {
      const { app } = await halfWay(stage, kind, 'powerless');

      await turnOff(stage);
      const back = stage.serve();
      back.catch(() => undefined);
      const answers = new Set<string>();
      await waitFor(
        'v1 to serve again',
        async () => {
          const { status, version, headers } = await app.ask();
          if (status === 503) assert.ok(Number(headers['retry-after']) > 0, JSON.stringify(headers));
          answers.add(`${status} ${version}`);
          return version === 'v1';
        },
        { withinMs: 60_000, everyMs: 5 },
      );
      await back;

      assert.deepEqual(
        [...answers].filter((answer) => !['503 null', '200 v1'].includes(answer)),
        [],
      );
      const view = await app.until('serving', ({ condition }) => condition === 'serving');
      assert.deepEqual(
        [view.rollout, view.last?.outcome, view.last?.reason],
        [null, 'aborted', 'the machine was restarted'],
      );
      assert.match(told(await app.verb('history')), /the machine was restarted/);
    });
  });
}

type HalfWay = { readonly app: App; readonly rollout: string; readonly everybody: People };

/** A service whose v2 has half of the people. */
async function halfWay(stage: Stage, kind: OthersKind, name: string): Promise<HalfWay> {
  const app = await stage.app(name, { proxy: { [kind]: { managed: true } }, strategy: lasting() });
  const first = await app.deploy('v1');
  assert.equal(first.code, 0, told(first));
  const rollout = await app.deployDetached('v2');
  await app.untilDwelling();
  return { app, rollout, everybody: await people(app) };
}

async function end(app: App): Promise<void> {
  assert.equal((await app.verb('abort')).code, 0);
  await app.untilOver();
}

function master(stage: Stage, kind: OthersKind): number {
  return ofProxy(stage, kind)[0]!;
}

function workers(stage: Stage, kind: OthersKind): number[] {
  return ofProxy(stage, kind).slice(1);
}

/** The oldest first. */
function ofProxy(stage: Stage, kind: OthersKind): number[] {
  return stage.world
    .processes()
    .filter(({ command }) =>
      kind === 'nginx' ? command.startsWith('nginx: ') : command.startsWith('haproxy '),
    )
    .toSorted((a, b) => Number(a.startTicks) - Number(b.startTicks) || a.pid - b.pid)
    .map(({ pid }) => pid);
}
