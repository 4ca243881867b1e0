import type { Notice, RolloutNotice, TroubleNotice } from './notice.ts';

const NOTICE: RolloutNotice = {
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
const ended = (more: Partial<RolloutNotice>): Notice => ({
  ...NOTICE,
  kind: 'ended',
  by: 'bascule',
  ...more,
});

const TROUBLE: TroubleNotice = {
  kind: 'down',
  service: 'shop',
  trouble: 'down-shop-1700000000000',
  again: false,
  subject: 'v42',
  isBad: true,
  reason: 'none of its 2 replicas is healthy: users get 503',
};
const CERTIFICATE: TroubleNotice = {
  ...TROUBLE,
  kind: 'certificate',
  trouble: 'certificate-shop-1700000000000',
  subject: '/etc/shop/cert.pem',
  isBad: false,
  reason:
    '/etc/shop/cert.pem runs out on 2026-12-09, in 8 days; renew it: files that are replaced are read anew by themselves',
};

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
  'stable is down': TROUBLE,
  'stable is up again': { ...TROUBLE, kind: 'up', again: true, isBad: false, reason: 'after 3m' },
  'a certificate runs out': CERTIFICATE,
  'a certificate is broken': {
    ...CERTIFICATE,
    again: true,
    isBad: true,
    reason: 'its key is of another certificate: the former one stays in use',
  },
  'a certificate is well again': {
    ...CERTIFICATE,
    kind: 'certificate-well',
    again: true,
    reason: 'after 2h',
  },
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
