import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { RolloutView, ServiceView } from '../controller/views.ts';
import {
  BEGAN_MS,
  CANARY,
  DONE,
  IDLE,
  MIRRORING,
  PROGRESSING,
  ROLLED_BACK,
  STORY,
} from '../http/fake-views.ts';
import { golden } from './cli-fixture.ts';
import { flow, paint, piece, segment, widthOf, type Line } from './layout.ts';
import { renderHistory } from './render-history.ts';
import { renderLine, renderService } from './render-status.ts';
import { judged } from '../http/fake-judge.ts';
import { BEHIND } from '../http/fake-judgement.ts';
import { judgeMarkdown, renderJudge } from './render-judge.ts';
import { renderWhy, whyMarkdown } from './render-why.ts';

const MEASURE = {
  source: 'prometheus',
  kind: 'count',
  limit: { against: 'stable', harm: 'fewer', percent: 10 },
  windows: 4,
  gap: null,
  logE: 0,
} as const;

/** One of each state. */
const MEASURES: NonNullable<NonNullable<RolloutView['verdict']>['measures']> = [
  {
    ...MEASURE,
    name: 'signups',
    candidate: 12.4,
    stable: 17.9,
    difference: -31,
    interval: [-50, null],
    state: 'source-down',
    gap: { kind: 'source-down', windows: 3, policy: 'wait', says: 'ECONNREFUSED' },
  },
  {
    ...MEASURE,
    name: 'orders',
    candidate: 5.1,
    stable: 9.2,
    difference: -44.6,
    interval: [-75, -20],
    state: 'worse',
    logE: 6.1,
  },
  {
    ...MEASURE,
    name: 'basket',
    kind: 'mean',
    limit: { against: 'stable', harm: 'more', percent: 5 },
    candidate: 40.2,
    stable: 40,
    difference: 0.5,
    interval: [-2.1, 3.2],
    state: 'not-worse',
  },
  {
    ...MEASURE,
    name: 'queue',
    kind: 'mean',
    limit: { against: 'number', harm: 'above', number: 100 },
    candidate: 71,
    stable: null,
    difference: -29,
    interval: [-48, null],
    state: 'undecided',
  },
  {
    ...MEASURE,
    name: 'smoke',
    source: 'command',
    kind: 'mean',
    limit: { against: 'failures', inARow: 2 },
    candidate: null,
    stable: null,
    difference: null,
    interval: null,
    windows: 0,
    state: 'waiting',
  },
];

const KEYS = 'p promote  s pause  a abort  w why  q leave (rollout goes on)';

const long = 'a-service-with-quite-a-long-name-forty-ch';
const withRollout = (change: Partial<RolloutView>): ServiceView => ({
  ...PROGRESSING,
  rollout: { ...CANARY, ...change },
});

const VIEWS: Readonly<Record<string, ServiceView>> = {
  progressing: PROGRESSING,
  idle: IDLE,
  certificates: {
    ...IDLE,
    door: 'https://shop.example.com',
    certificates: [
      {
        file: '/etc/shop/shop.pem',
        names: ['shop.example.com'],
        notAfterMs: BEGAN_MS + 12 * 86_400_000,
        problem: null,
      },
      {
        file: '/etc/shop/www.pem',
        names: ['www.example.com'],
        notAfterMs: BEGAN_MS + 80 * 86_400_000,
        problem: 'the key in /etc/shop/www.key does not belong to /etc/shop/www.pem',
      },
      { file: '/etc/shop/old.pem', names: [], notAfterMs: BEGAN_MS - 1000, problem: null },
      {
        file: '/etc/shop/good.pem',
        names: ['good.example.com'],
        notAfterMs: BEGAN_MS + 80 * 86_400_000,
        problem: null,
      },
    ],
  },
  'rolled-back': { ...IDLE, last: ROLLED_BACK },
  starting: {
    ...withRollout({
      phase: 'starting',
      sharePercent: 0,
      stepIndex: 0,
      steps: CANARY.steps.map((step, index) => ({
        ...step,
        state: index === 0 ? 'now' : 'todo',
        seconds: null,
      })),
      verdict: null,
      traffic: null,
      next: null,
      waiting: 'v43 to be built and started',
    }),
    users: '100% on v42',
  },
  mirroring: { ...withRollout(MIRRORING), users: '100% on v42' },
  asking: withRollout({
    phase: 'asking',
    waiting: 'a person: the plan asks for one before v43 gets all traffic',
  }),
  paused: withRollout({ paused: true, waiting: 'paused by ana' }),
  'by-hand': withRollout({
    byHand: true,
    sharePercent: 12.5,
    waiting: 'the share was set by hand to 12.5%; "resume" goes on',
  }),
  measures: withRollout({
    verdict: {
      ...CANARY.verdict!,
      hold: 'signups: its source is down (candidate: http://127.0.0.1:9090 cannot be asked: ECONNREFUSED)',
      measures: MEASURES,
    },
    waiting:
      'the judge, which holds it: signups: its source is down (candidate: http://127.0.0.1:9090 cannot be asked: ECONNREFUSED)',
  }),
  'no-data': withRollout({
    verdict: {
      ...CANARY.verdict!,
      overall: 'no-data',
      checks: CANARY.verdict!.checks.map((check) => ({
        ...check,
        candidate: null,
        difference: null,
        interval: null,
        state: 'no-data',
        needRequests: null,
      })),
      share: { askedPercent: 25, seenPercent: null, mismatch: null, warning: null },
      looks: [],
      hold: null,
    },
  }),
  verifying: {
    ...withRollout({ phase: 'verifying', sharePercent: 0, stepIndex: 2, verdict: null, traffic: null }),
    users: '100% on v42',
    slots: {
      blue: { ...PROGRESSING.slots.blue, preview: 'http://127.0.0.1:8216' },
      green: { ...PROGRESSING.slots.green, preview: 'http://127.0.0.1:8217' },
    },
  },
  returning: withRollout({
    phase: 'returning',
    outcome: 'rolled-back',
    sharePercent: 0,
    reason: ROLLED_BACK.reason,
    verdict: ROLLED_BACK.verdict,
    waiting: 'proof that all traffic is back on v42',
    next: null,
  }),
  watching: {
    ...withRollout({ phase: 'watching', sharePercent: 100, stepIndex: 6, next: 'done after 5m' }),
    users: '100% on v43',
  },
  'stable-down': { ...PROGRESSING, condition: 'stable is down', users: '75% on v42, 25% on v43' },
  first: {
    ...IDLE,
    users: '503: nothing serves yet',
    condition: 'nothing serves',
    stable: null,
    last: null,
    rollout: {
      ...CANARY,
      from: null,
      label: 'v1',
      sharePercent: 0,
      phase: 'probing',
      stepIndex: 1,
      verdict: null,
      traffic: null,
      next: null,
    },
  },
  'never-ready': withRollout({
    phase: 'over',
    outcome: 'never-ready',
    sharePercent: 0,
    verdict: null,
    next: null,
    reason:
      'v43 was not ready within 10s:\n  GET http://127.0.0.1:8208/: connection refused (1ms)\n  replica 0 (pid 18927) listens on 8080, not on $PORT (8208): use $PORT in run:',
  }),
  'hostile-and-long': {
    ...withRollout({
      label: `v${'9'.repeat(60)}`,
      actor: 'mallory\u001b[2J\u0007',
      waiting: `paused\u001b]0;title\u0007 ${'because '.repeat(30)}`,
      paused: true,
    }),
    name: long,
  },
};

describe('status', () => {
  for (const width of [120, 80]) {
    for (const [name, view] of Object.entries(VIEWS)) {
      test(`${name} at ${width} columns`, () => {
        const look = { width, nowMs: BEGAN_MS + 372_000, keys: name === 'progressing' ? [KEYS] : [] };
        const lines = renderService(view, look);

        golden(`status-${name}-${width}.txt`, text(lines));
      });
    }
  }

  for (const width of [120, 100, 99, 80, 60]) {
    test(`no line is wider than ${width} columns, nor can it move the cursor`, () => {
      for (const view of Object.values(VIEWS)) {
        const look = { width, nowMs: BEGAN_MS + 372_000, keys: [KEYS] };
        for (const line of [...renderService(view, look), ...renderLine(view, look)]) {
          const shown = paint(line, { colour: false, width });
          assert.ok(Array.from(shown).length <= width, shown);
          // oxlint-disable-next-line no-control-regex -- finding them is the point
          assert.doesNotMatch(shown, /[\u0000-\u001f\u007f]/);
        }
      }
    });
  }

  test('at 80 columns only what is one long word is cut', () => {
    for (const [name, view] of Object.entries(VIEWS)) {
      if (name === 'hostile-and-long') continue;
      for (const line of renderService(view, { width: 80, nowMs: BEGAN_MS + 372_000, keys: [KEYS] })) {
        assert.ok(widthOf(line) <= 80, paint(line, { colour: false, width: 200 }));
      }
    }
  });

  test('what was not seen is never called good', () => {
    const nothing = {
      ...CANARY.verdict!,
      overall: 'undecided' as const,
      checks: [{ ...CANARY.verdict!.checks[2]! }],
    };
    const lines = renderService(withRollout({ verdict: nothing }), { width: 120, nowMs: BEGAN_MS, keys: [] });

    assert.match(text(lines), /not decided: 0 of 1 checks decided/);
    assert.doesNotMatch(text(lines), /OK/);
  });
});

test('why, as people read it', () => {
  for (const width of [120, 80]) {
    const why = {
      rollout: ROLLED_BACK,
      ...BEHIND,
      sentence: `v43: rolled-back: ${ROLLED_BACK.reason}`,
      events: STORY,
      chain: { seq: 5, mac: 'ab12'.repeat(16) },
    };
    golden(`why-${width}.txt`, text(renderWhy(why, { width, timeZone: 'UTC' })));
    golden('why-markdown.txt', whyMarkdown(why, 'UTC'));
  }
});

test('why, of a mirror, with what it cannot see', () => {
  const why = {
    ...BEHIND,
    rollout: MIRRORING,
    rule: null,
    watch: null,
    shares: [{ sharePercent: 0, early: 'mirror' as const, fromMs: BEGAN_MS + 20_000, seconds: 71 }],
    failed: [],
    sentence: 'v43 is under way',
    events: STORY.slice(0, 2),
    chain: { seq: 5, mac: 'ab12'.repeat(16) },
  };
  golden('why-mirror-120.txt', text(renderWhy(why, { width: 120, timeZone: 'UTC' })));
  golden('why-mirror-markdown.txt', whyMarkdown(why, 'UTC'));
});

test('a rollout judged once more, as people read it and as a report', () => {
  const view = judged(ROLLED_BACK, { rules: 'recorded', changes: ['error-rate=2pp'] });
  for (const width of [120, 80]) {
    golden(`judge-${width}.txt`, text(renderJudge(view, { width, timeZone: 'UTC' })));
  }
  golden('judge-markdown.txt', judgeMarkdown(view, 'UTC'));
});

test('a verdict that did not come out again is shown beside what was recorded', () => {
  const same = judged(ROLLED_BACK, { rules: 'recorded', changes: [] });
  const different = [{ recorded: '{"overall":"harmful"}', replayed: '{"overall":"safe"}' }];
  const shown = text(
    renderJudge({ ...same, sameVerdict: false, different }, { width: 120, timeZone: 'UTC' }),
  );

  assert.match(shown, /same {5}1 of 2 decisions and the last verdict: NOT the same/);
  assert.match(shown, /then {5}\{"overall":"harmful"\}\n now {6}\{"overall":"safe"\}/);
});

test('history stands in columns', () => {
  golden(
    'history.txt',
    text(renderHistory([CANARY, DONE, { ...ROLLED_BACK, id: 'r-0191', from: null }], 'UTC')),
  );
});

describe('layout', () => {
  test('what does not fit begins a line of its own under the first', () => {
    const lines = flow([piece('head  ')], [segment('one'), segment('two'), segment('three')], {
      width: 14,
      gap: 2,
    });

    assert.equal(text(lines), 'head  one  two\n      three\n');
  });

  test('a long sentence is broken at spaces', () => {
    const lines = flow([piece('> ')], [segment('aaa bbb ccc ddd')], { width: 9, gap: 1 });

    assert.equal(text(lines), '> aaa bbb\n  ccc ddd\n');
  });

  test('colour takes no room and ends with its piece', () => {
    assert.equal(
      paint([piece('ab', 'good'), piece('cd')], { colour: true, width: 3 }),
      '\u001b[32mab\u001b[0m…',
    );
  });
});

function text(lines: readonly Line[]): string {
  return lines.map((line) => `${paint(line, { colour: false, width: Infinity })}\n`).join('');
}
