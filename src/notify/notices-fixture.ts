import type { Notice } from './notice.ts';

const NOTICE: Notice = {
  kind: 'started',
  service: 'shop',
  rollout: 'r-0193',
  purpose: 'deploy',
  strategy: 'canary',
  label: 'v43',
  from: 'v42',
  actor: 'ana',
  sharePercent: 0,
  outcome: null,
  cause: null,
  reason: null,
  by: null,
};
const ended = (more: Partial<Notice>): Notice => ({ ...NOTICE, kind: 'ended', by: 'bascule', ...more });

/** One of each kind, each way to end, and one whose every word is hostile. */
export const NOTICES: Readonly<Record<string, Notice>> = {
  'first version begins': { ...NOTICE, from: null, strategy: 'blue-green', label: 'v1' },
  'canary begins': NOTICE,
  'rollback begins': { ...NOTICE, purpose: 'rollback', label: 'v42', from: 'v43' },
  'asks a person': {
    ...NOTICE,
    kind: 'asks',
    sharePercent: 50,
    reason: 'not surely as good within 30m; "promote" goes on, "abort" goes back',
  },
  'waits for approval': {
    ...NOTICE,
    kind: 'approval',
    sharePercent: 10,
    reason: '2 of bob, carl to agree before 50%: bascule approve shop',
  },
  paused: { ...NOTICE, kind: 'paused', sharePercent: 25, by: 'bob', reason: 'lunch' },
  'paused, stable is down': {
    ...NOTICE,
    kind: 'paused',
    sharePercent: 25,
    by: 'bascule',
    reason: 'replicas of v43 crashed 3 times in this step, but stable is down',
  },
  'set by hand': { ...NOTICE, kind: 'by-hand', sharePercent: 20 },
  'goes back': {
    ...NOTICE,
    kind: 'going-back',
    outcome: 'rolled-back',
    cause: 'harmful',
    by: 'bascule',
    reason: 'error-rate +1.2pp [+0.6 … +1.9] is over +0.5pp, after 3 118 requests on v43',
  },
  'way back not proven': {
    ...NOTICE,
    kind: 'unproven',
    outcome: 'unproven',
    cause: 'person',
    by: 'ana',
    reason: 'ana aborted it; nginx answered nothing within 10s',
  },
  done: ended({ outcome: 'done', cause: 'promoted', sharePercent: 100, reason: 'v43 serves all traffic' }),
  'rolled back': ended({ outcome: 'rolled-back', cause: 'severe', reason: 'no replica of v43 is healthy' }),
  aborted: ended({ outcome: 'aborted', cause: 'person', by: 'ana', reason: 'ana aborted it' }),
  undecided: ended({
    outcome: 'undecided',
    cause: 'unsure',
    reason: 'undecided after 30m: only 12 requests',
  }),
  superseded: ended({ outcome: 'superseded', cause: 'superseded', by: 'bob', reason: 'v44 was deployed' }),
  'never ready': ended({
    outcome: 'never-ready',
    cause: 'start',
    reason: 'v43 was not ready within 1m:\n  it listens on 8080, not on $PORT (8201)',
  }),
  'failed its checks': ended({
    outcome: 'never-ready',
    cause: 'verify',
    reason: 'GET /checkout: 500 instead of 2xx (8ms):\n  no such table: cart',
  }),
  unproven: ended({ outcome: 'unproven', cause: 'person', by: 'ana', reason: 'ana aborted it; not proven' }),
  hostile: ended({
    outcome: 'aborted',
    cause: 'person',
    label: '<!channel>*v43*',
    from: '@everyone',
    actor: '<at>eve</at>',
    by: 'eve\r\nBcc: all@example.com',
    reason:
      '<!here> <https://evil.example|click> @here <@U123> [click](https://evil.example) ](x) **bold** `code` <script>alert(1)</script> & "quoted" \\* \u001b[2J\u202e\n.\nQUIT',
  }),
};
