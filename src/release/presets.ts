import type { Policy, PresetName } from './service.ts';

export type Preset = {
  readonly canary: Pick<Policy, 'stepsPercent' | 'dwell' | 'bakeMs' | 'askBeforeFull'>;
  /** `try` is null where everybody is switched at once. */
  readonly blueGreen: { readonly try: Try | null; readonly askBeforeFull: boolean };
  readonly whenUnsure: Policy['whenUnsure'];
  readonly watchMs: number;
  readonly keepOldMs: number;
};

export type Try = { readonly percent: number; readonly forMs: number };

const SECOND = 1000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;

export const PRESETS: Readonly<Record<PresetName, Preset>> = {
  quick: {
    canary: {
      stepsPercent: [10, 25, 50, 100],
      dwell: { atLeastMs: 10 * SECOND, atMostMs: MINUTE },
      bakeMs: 0,
      askBeforeFull: false,
    },
    blueGreen: { try: null, askBeforeFull: false },
    whenUnsure: { waitMs: 0, then: 'advance' },
    watchMs: 2 * MINUTE,
    keepOldMs: 5 * MINUTE,
  },
  standard: {
    canary: {
      stepsPercent: [5, 25, 50, 100],
      dwell: { atLeastMs: MINUTE, atMostMs: 5 * MINUTE },
      bakeMs: 10 * MINUTE,
      askBeforeFull: false,
    },
    blueGreen: { try: null, askBeforeFull: false },
    whenUnsure: { waitMs: 10 * MINUTE, then: 'advance' },
    watchMs: 5 * MINUTE,
    keepOldMs: 10 * MINUTE,
  },
  careful: {
    canary: {
      stepsPercent: [1, 5, 25, 50, 100],
      dwell: { atLeastMs: 5 * MINUTE, atMostMs: 30 * MINUTE },
      bakeMs: 30 * MINUTE,
      askBeforeFull: false,
    },
    // An approval needs people with tokens: where there are none, nobody could give it. So any person promotes.
    blueGreen: { try: { percent: 5, forMs: 10 * MINUTE }, askBeforeFull: true },
    whenUnsure: { waitMs: 0, then: 'ask' },
    watchMs: 30 * MINUTE,
    keepOldMs: 24 * HOUR,
  },
};

/** Defaults that no preset changes. */
export const DEFAULTS = {
  preset: 'standard',
  replicas: 1,
  /** Room to scale without new addresses. */
  maxReplicasAtLeast: 4,
  healthPath: '/',
  healthIntervalMs: SECOND,
  healthTimeoutMs: SECOND,
  rise: 3,
  fall: 2,
  readyWithinMs: 2 * MINUTE,
  stopGraceMs: 10 * SECOND,
  accessLogKeep: '64MiB',
  verifyWithinMs: 5 * SECOND,
  verifyRunWithinMs: 5 * MINUTE,
  listenAddress: '0.0.0.0',
  drainMs: 30 * SECOND,
  streamGraceMs: MINUTE,
  warmUpMs: 10 * SECOND,
  mirrorMethods: ['GET', 'HEAD'] as readonly string[],
  headerOnlyRequests: 50,
  headerOnlyMaxErrorsPercent: 5,
  nginxDirectory: '/etc/nginx/bascule',
  haproxyDirectory: '/etc/haproxy/bascule',
  haproxySocket: '/run/haproxy-master.sock',
  haproxyLog: '/var/log/bascule/haproxy.log',
  connectTimeoutMs: 5 * SECOND,
  readTimeoutMs: MINUTE,
  whenWorse: 'rollback',
  errorRateWorseByPp: 0.5,
  clientErrorRateWorseByPp: 1,
  latencyWorseByPercent: 20,
} as const;
