import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { OperatingError } from '../../lib/errors.ts';
import { startWorker } from './worker-client.ts';

const cases: Readonly<Record<string, { code: string; found: RegExp }>> = {
  'ends by itself': { code: 'setTimeout(() => process.exit(3), 20);', found: /exit 3/ },
  throws: { code: 'setTimeout(() => { throw new Error("torn"); }, 20);', found: /torn/ },
  'runs out of memory': {
    code: 'const all = []; setTimeout(() => { for (;;) all.push(new Array(1e6).fill(all.length)); }, 20);',
    found: /memory/,
  },
  'does not answer': { code: 'setInterval(() => {}, 1000);', found: /no answer within 1000 ms/ },
  'cannot be loaded': { code: 'import "./nowhere.js";', found: /nowhere/ },
};

for (const [name, { code, found }] of Object.entries(cases)) {
  test(`a thread that ${name} is an error for every caller, told once`, { timeout: 20_000 }, async () => {
    const failures: OperatingError[] = [];
    const worker = startWorker(new URL(`data:text/javascript,${encodeURIComponent(code)}`), {
      data: null,
      deadlineMs: 1000,
      memoryMb: 32,
      onFailure: (error) => failures.push(error),
    });

    const answers = await Promise.allSettled([worker.call('one'), worker.call('two')]);
    answers.push(...(await Promise.allSettled([worker.call('three')])));

    for (const answer of answers) {
      assert.ok(answer.status === 'rejected');
      assert.equal((answer.reason as OperatingError).code, 'SAMPLES_FAILED');
      assert.match((answer.reason as OperatingError).message, found);
    }
    assert.equal(failures.length, 1);
    await worker.end();
  });
}

test('a thread that is ended is no failure, but what was still asked is refused', async () => {
  const failures: OperatingError[] = [];
  const worker = startWorker(new URL('data:text/javascript,setInterval(() => {}, 1000);'), {
    data: null,
    deadlineMs: 5000,
    memoryMb: 32,
    onFailure: (error) => failures.push(error),
  });
  const pending = assert.rejects(worker.call('one'), { code: 'SAMPLES_FAILED' });

  await worker.end();

  await pending;
  assert.deepEqual(failures, []);
});
