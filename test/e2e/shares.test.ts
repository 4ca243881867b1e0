/** Who gets which version, through the real proxy: "What it must show", 4. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { lasting, openStage, type App } from './stage.ts';

const PEOPLE = 1500;
/** Two-sided 99.999 % of the normal distribution: one run in 100,000 is unlucky. */
const Z = 4.4172;
const AT_ONCE = 25;

test('10 % of 1,500 people, nobody moves back when the share rises, another rollout draws others', async (t) => {
  const stage = await openStage(t);
  const app = await stage.app('shop', { strategy: lasting({ steps: ['10%', '50%', '100%'] }) });
  assert.equal((await app.deploy('v1')).code, 0);
  await app.deployDetached('v2');
  await app.untilDwelling();

  const cookies = await newcomers(app);
  const tenth = await movedOf(app, cookies);
  within(t, 'newcomers', tenth.size, 0.1);
  assert.deepEqual(await movedOf(app, cookies), tenth, 'somebody changed versions between two visits');

  assert.equal((await app.verb('promote')).code, 0);
  await app.untilDwelling();
  const half = await movedOf(app, cookies);
  within(t, 'the same people', half.size, 0.5);
  assert.deepEqual(
    [...tenth].filter((cookie) => !half.has(cookie)),
    [],
    'people moved back',
  );

  assert.equal((await app.verb('abort')).code, 0);
  await app.untilOver();
  assert.equal((await movedOf(app, cookies)).size, 0);
  await app.deployDetached('v3');
  await app.untilDwelling();
  const others = await movedOf(app, cookies);
  within(t, 'another rollout', others.size, 0.1);
  const both = [...others].filter((cookie) => tenth.has(cookie)).length;
  // Independent draws: one in ten of those who were drawn is drawn again. Who shares a bucket is drawn together (1.5
  // people each here), which widens the binomial: 20,000 simulated pairs of draws stayed below a third.
  t.diagnostic(`${both} of ${tenth.size} were drawn again`);
  assert.ok(both < tenth.size / 3, `${both} of ${tenth.size} were drawn again`);
});

function within(t: { diagnostic(text: string): void }, who: string, count: number, share: number): void {
  const slack = Z * Math.sqrt(PEOPLE * share * (1 - share));
  const text = `${who}: ${count} of ${PEOPLE} at ${share * 100} % (99.999 %: ±${slack.toFixed(0)})`;
  t.diagnostic(text);
  assert.ok(Math.abs(count - PEOPLE * share) <= slack, text);
}

/** People without a cookie; each gets one, and is counted by the version that this very request was given. */
async function newcomers(app: App): Promise<readonly string[]> {
  const answers = await each(Array.from({ length: PEOPLE }), () => app.ask({}, '/healthz'));
  const cookies = answers.map(({ cookie }) => cookie!);
  assert.equal(new Set(cookies).size, PEOPLE);
  const first = new Map(answers.map(({ cookie, version }) => [cookie, version]));
  for (const [cookie, version] of await versionsOf(app, cookies.slice(0, 200)))
    assert.equal(version, first.get(cookie), 'the first visit got another version than the second');
  return cookies;
}

async function movedOf(app: App, cookies: readonly string[]): Promise<ReadonlySet<string>> {
  const versions = await versionsOf(app, cookies);
  return new Set(versions.filter(([, version]) => version !== 'v1').map(([cookie]) => cookie));
}

function versionsOf(app: App, cookies: readonly string[]): Promise<readonly [string, string | null][]> {
  return each(cookies, async (cookie) => [cookie, (await app.ask({ cookie }, '/healthz')).version]);
}

async function each<T, R>(all: readonly T[], act: (one: T) => Promise<R>): Promise<R[]> {
  const results: R[] = [];
  for (let from = 0; from < all.length; from += AT_ONCE)
    results.push(...(await Promise.all(all.slice(from, from + AT_ONCE).map(act))));
  return results;
}
