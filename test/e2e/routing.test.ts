/** `candidate-for`, `when` and `strip-path` by the real program. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { waitFor } from './wait-for.ts';
import { lasting, openStage, told, type Stage } from './stage.ts';

const closers: (() => Promise<void>)[] = [];
let stage: Stage;

before(async () => {
  stage = await openStage({ after: (close) => void closers.push(close) });
});
after(async () => {
  for (const close of closers.toReversed()) await close();
});

test('whom candidate-for names tries the new version alone, in a header-only step, and the shares come after', async () => {
  const app = await stage.app('beta', {
    proxy: { builtin: { 'candidate-for': [{ cookie: 'beta', is: 'always' }, { query: 'beta' }] } },
    strategy: lasting({
      steps: ['0.1%', '100%'],
      'header-only': { for: '1s', requests: 20, 'max-errors': '50%' },
    }),
  });
  const first = await app.deploy('v1');
  assert.equal(first.code, 0, told(first));
  const named = async (): Promise<string | null> => (await app.ask({ cookie: 'beta=always' })).version;
  assert.equal(await named(), 'v1', 'nothing is offered');
  await app.deployDetached('v2');
  await waitFor('v2 to be offered', async () => (await named()) === 'v2');

  const status = told(await app.verb('status'));
  assert.match(status, /header-only/);
  assert.equal((await app.ask({})).version, 'v1');
  // Enough of them chose it, and all went well.
  await waitFor('its share', async () => {
    await named();
    return /0\.1 ?%/.test(told(await app.verb('status')));
  });
  assert.equal(await named(), 'v2');

  const aborted = await app.verb('abort');
  assert.equal(aborted.code, 0, told(aborted));
  await app.untilOver();
  assert.equal(await named(), 'v1');
});
