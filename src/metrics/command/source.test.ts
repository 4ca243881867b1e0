import assert from 'node:assert/strict';
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { SPEC } from '../../rollout/fixtures.ts';
import type { Release } from '../../release/release.ts';
import { commandRunner } from '../../workload/checks/command-runner.ts';
import type { ReleaseStore } from '../../workload/store.ts';
import type { MeasureQuery, MeasureSample } from '../source.ts';
import { commandSource } from './source.ts';

const RELEASE: Release = {
  id: 'shop/v43',
  service: 'shop',
  label: 'v43',
  artifactDigest: null,
  configDigest: '',
  environmentDigest: '',
  spec: {
    ...SPEC.release,
    run: 'app',
    user: null,
    env: {
      SHOP: { kind: 'plain', value: 'corner' },
      TOKEN: { kind: 'secret', from: 'file', name: 'token' },
    },
  },
  createdAtMs: 0,
  createdBy: 'ana',
};

describe('a command as a source', () => {
  let directory = '';
  before(async () => {
    directory = await mkdtemp(join(tmpdir(), 'bascule-measure-'));
    await mkdir(join(directory, 'release'));
  });
  after(() => rm(directory, { recursive: true }));

  function ask(text: string, more: Partial<MeasureQuery> = {}, windowMs = 10_000): Promise<MeasureSample> {
    const store = { prepare: () => Promise.resolve(join(directory, 'release')) } as unknown as ReleaseStore;
    const path = process.env['PATH'] ?? '';
    const source = commandSource(commandRunner({ stateDir: directory, store, allowedUsers: [], path }));
    const query: MeasureQuery = {
      text,
      path: null,
      fold: 'mean',
      range: false,
      answer: 'number',
      of: { service: 'shop', slot: 'green', role: 'candidate', version: 'v43', release: RELEASE },
      ...more,
    };
    return source.sample(query, { fromMs: 60_000, toMs: 60_000 + windowMs }, new AbortController().signal);
  }

  test('the last line is the number', async () => {
    assert.deepEqual(await ask('echo warming up; echo 12.5; echo'), {
      kind: 'value',
      value: 12.5,
      count: null,
    });
  });

  test('it knows whom and when it is about, and nothing of the server', async () => {
    const seen = await ask(
      'echo "$BASCULE_SERVICE $BASCULE_VERSION $BASCULE_SLOT $BASCULE_ROLE $BASCULE_WINDOW_FROM-$BASCULE_WINDOW_TO $SHOP ${TOKEN:-none} ${NODE_OPTIONS:-none}" >&2; exit 1',
    );

    assert.match(JSON.stringify(seen), /shop v43 green candidate 60-70 corner none none/u);
  });

  test('nothing, NaN, words and a failure are three kinds of no value', async () => {
    const expected = [
      ['true', 'no-data'],
      ['echo NaN', 'not-a-number'],
      ['echo many', 'unreachable'],
      ['echo 12; exit 3', 'unreachable'],
      ['./not-there', 'unreachable'],
    ] as const;

    for (const [text, why] of expected) {
      const found = await ask(text);
      assert.equal(found.kind === 'none' ? found.why : found.kind, why, text);
    }
  });

  test('where there is no limit, its exit code is the answer, with its last words', async () => {
    const answer = 'exit-code' as const;

    assert.deepEqual(await ask('echo fine', { answer }), { kind: 'value', value: 0, count: null });
    const failed = await ask('echo the basket is empty; exit 3', { answer });
    assert.equal(failed.kind === 'value' && failed.value, 3);
    assert.match(failed.kind === 'value' ? failed.says! : '', /exit code 3 .*the basket is empty/u);
  });

  test('one that does not end within its window is ended, which is neither good nor bad', async () => {
    const found = await ask('sleep 30', { answer: 'exit-code' }, 1000);

    assert.equal(found.kind === 'none' && found.why, 'unreachable');
    assert.match(JSON.stringify(found), /not done within/u);
  });

  test('of a version that somebody else runs there is no place for it', async () => {
    const release = { ...RELEASE, spec: { ...RELEASE.spec, run: null } };
    const of = { service: 'shop', slot: 'green', role: 'candidate', version: 'v43', release } as const;

    assert.match(JSON.stringify(await ask('echo 1', { of })), /does not run this service/u);
  });
});
