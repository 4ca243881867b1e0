/** kill -9 of the proxy, under load: how long until somebody is served again, and that the route is the same. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { endByPid, type FoundProcess } from './processes.ts';
import { lasting, openStage, told, type App, type Stage } from './stage.ts';
import { waitFor } from './wait-for.ts';

const PEOPLE = 120;
/** A second on a machine that has time for it (the figure is told); tests share theirs with others. */
const RESUMES_WITHIN_MS = 6000;

test('a killed worker and a killed parent: service resumes at once, people stay where they were', async (t) => {
  const stage = await openStage(t);
  const app = await stage.app('shop', { strategy: lasting({ steps: ['30%', '100%'] }) });
  assert.equal((await app.deploy('v1')).code, 0);
  await app.deployDetached('v2');
  await app.untilDwelling();
  const before = await people(app);
  const load = app.load({ perSecond: 200 });
  await load.served('v2', 20, 10_000);

  const worker = await toldGap(t, app, 'worker', () => endByPid(workersOf(stage)[0]!.pid));
  assert.ok(worker <= RESUMES_WITHIN_MS, `${worker} ms`);
  await waitFor('two workers again', () => workersOf(stage).length === 2);
  assert.deepEqual(await again(app, before), before);

  const [parent] = parentsOf(stage);
  const killed = await toldGap(t, app, 'parent', () => endByPid(parentsOf(stage)[0]!.pid));
  assert.ok(killed <= RESUMES_WITHIN_MS, `${killed} ms`);
  const parents = parentsOf(stage);
  assert.equal(parents.length, 1);
  assert.notEqual(parents[0]!.pid, parent!.pid);
  assert.deepEqual(await again(app, before), before);

  const view = await app.view();
  assert.deepEqual([view.rollout?.phase, view.rollout?.sharePercent], ['dwelling', 30]);
  const seen = await load.stop();
  assert.deepEqual(Object.keys(seen.versions).sort(), ['v1', 'v2']);
  // Requests in flight on what was killed are lost; nothing else may be, least of all a 503 of ours.
  const unexpected = seen.examples.filter(
    ({ kind }) => kind !== 'reset' && kind !== 'refused' && kind !== 'truncated',
  );
  assert.deepEqual(unexpected, []);
});

test('the proxy dies while the controller is away: it comes back with the controller, the route as it was', async (t) => {
  const stage = await openStage(t);
  const app = await stage.app('shop', { strategy: lasting({ steps: ['30%', '100%'] }) });
  assert.equal((await app.deploy('v1')).code, 0);
  await app.deployDetached('v2');
  await app.untilDwelling();
  const before = await people(app);

  await stage.controller().stop('SIGKILL');
  endByPid(parentsOf(stage)[0]!.pid);
  await waitFor('the workers to follow their parent', () => workersOf(stage).length === 0);
  const ran = await stage.run(['status']);
  assert.equal(ran.code, 4, told(ran));
  await stage.serve();

  assert.deepEqual(await again(app, before), before);
  assert.equal((await app.view()).rollout?.phase, 'dwelling');
});

/** Cookie of a person -> the version that they get. */
type People = Readonly<Record<string, string | null>>;

async function people(app: App): Promise<People> {
  const answers = await Promise.all(Array.from({ length: PEOPLE }, () => app.ask()));
  const seen = Object.fromEntries(answers.map(({ cookie, version }) => [cookie, version]));
  assert.equal(Object.keys(seen).length, PEOPLE);
  assert.equal(new Set(Object.values(seen)).size, 2);
  return seen;
}

async function again(app: App, before: People): Promise<People> {
  const asked = Object.keys(before).map(
    async (cookie) => [cookie, (await app.ask({ cookie })).version] as const,
  );
  return Object.fromEntries(await Promise.all(asked));
}

async function toldGap(
  t: { diagnostic(text: string): void },
  app: App,
  what: string,
  kill: () => void,
): Promise<number> {
  const { ms, asked, failed } = await gap(app, kill);
  t.diagnostic(`${what} killed: ${ms} ms without an answer, ${failed} of ${asked} new connections failed`);
  return ms;
}

/** Asks every few milliseconds, over new connections: the longest time from an answer to the next, across the deed. */
async function gap(app: App, deed: () => void): Promise<{ ms: number; asked: number; failed: number }> {
  const [leastMs, mostMs] = [3000, 20_000].map((ms) => performance.now() + ms);
  let [last, longest, asked, failed, done, answeredSince] = [performance.now(), 0, 0, 0, false, 0];
  // Long enough to see it go, and then until it is back.
  while (performance.now() < leastMs! || (answeredSince < 20 && performance.now() < mostMs!)) {
    asked += 1;
    const answer = await app.ask().catch(() => null);
    if (answer?.status === 200) {
      longest = Math.max(longest, performance.now() - last);
      last = performance.now();
      if (done) answeredSince += 1;
    } else [failed, answeredSince] = [failed + 1, 0];
    if (!done && asked >= 20) {
      deed();
      done = true;
    }
    await sleep(5);
  }
  assert.ok(done && answeredSince >= 20, 'nobody answers any more');
  return { ms: Math.round(longest), asked, failed };
}

function parentsOf(stage: Stage): readonly FoundProcess[] {
  return stage.world.processes().filter(({ command }) => /proxy-program/.test(command));
}

function workersOf(stage: Stage): readonly FoundProcess[] {
  return stage.world.processes().filter(({ command }) => command.includes('worker-main'));
}
