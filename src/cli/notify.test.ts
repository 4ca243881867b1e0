import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { OperatingError } from '../lib/errors.ts';
import type { Tried } from '../notify/channel.ts';
import { testCli, type TestCli } from './cli-fixture.ts';

const TRIED: readonly Tried[] = [
  { channel: 'ops', kind: 'slack', ok: true, why: null, status: 200, tookMs: 3 },
  {
    channel: 'mail',
    kind: 'email',
    ok: false,
    why: 'mail.example.com:587 did not take it: EAUTH\u001b[2J',
    status: 535,
    tookMs: 40,
  },
];

describe('notify test', () => {
  let cli: TestCli;
  const asked: (string | null)[] = [];
  before(async () => {
    cli = await testCli({
      notifier: {
        test: async (channel) => {
          asked.push(channel);
          if (channel === 'none')
            throw new OperatingError('NOTIFY_UNKNOWN', 'There is no channel "none".', { retryable: false });
          return TRIED.filter((one) => channel === null || one.channel === channel);
        },
      },
    });
  });
  after(() => cli.end());

  test('says of each channel what came of it, and exits with 15 where one did not take it', async () => {
    const ran = await cli.run('notify test');

    assert.deepEqual(
      [ran.code, ran.out],
      [
        15,
        '✔ ops (slack)  took the test message\n✖ mail (email)  mail.example.com:587 did not take it: EAUTH·[2J\n',
      ],
    );
    assert.deepEqual(asked.splice(0), [null]);
  });

  test('one alone, as JSON', async () => {
    const ran = await cli.run('notify test --channel ops --json');

    assert.equal(ran.code, 0);
    assert.deepEqual(JSON.parse(ran.out), { schema: 1, tried: [TRIED[0]] });
  });

  test('a channel that is not there, a name that is none, a word that means nothing', async () => {
    for (const [line, expected] of [
      ['notify test --channel none', /error\[NOTIFY_UNKNOWN\]/u],
      ['notify test --channel Ops!', /--channel takes the name of a channel/u],
      ['notify send', /The word after "notify" is one of test, not "send"/u],
    ] as const) {
      const ran = await cli.run(line);

      assert.equal(ran.code, 2, line);
      assert.match(ran.err, expected);
    }
  });
});
