import type { ServerInfo } from '../controller/controller.ts';
import type { PlanView, ReleaseView } from '../controller/views.ts';
import { FORESIGHT } from './fake-judgement.ts';

export const PLAN: PlanView = {
  id: 'p-7f3a',
  service: 'shop',
  label: 'v43',
  from: 'v42',
  lines: [
    '+ start    2 × v43 in green (127.0.0.1:8202 127.0.0.1:8203)',
    'traffic    5% → 25% → 50% → 100%, at least 5m each',
  ],
  warnings: [],
  foresight: FORESIGHT,
  changes: true,
  obstacles: [],
};

export const RELEASE: ReleaseView = {
  label: 'v42',
  createdAtMs: Date.UTC(2026, 2, 4, 12, 0, 0),
  createdBy: 'ana',
  artifactDigest: 'ab12'.repeat(16),
  role: 'stable',
  last: { rollout: 'r-0192', startedAtMs: Date.UTC(2026, 2, 4, 12, 0, 0), outcome: 'done' },
  isKept: true,
};

export const INFO: ServerInfo = {
  version: '0.1.0',
  startedAtMs: Date.UTC(2026, 2, 4, 12, 0, 0),
  stateDir: '/var/lib/bascule',
  pid: 4711,
  lastSeq: 0,
};
