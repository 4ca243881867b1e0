/** Seconds of traffic for tests of the judge. */
import * as fc from 'fast-check';
import { histogramOf, replicaRow, rngOf } from '../../test/judge-traffic.ts';
import type { JudgePolicy } from '../release/service.ts';
import type { IdentitySecond, ReplicaSecond } from '../traffic/counts.ts';
import { judgeSecond, startJudge } from './judge.ts';
import type { JudgedSecond, JudgeState, Unit } from './state.ts';

export const ERRORS_ONLY: JudgePolicy = {
  checks: [
    { kind: 'error-rate', worseByPp: 0.5 },
    { kind: 'latency', quantile: 0.95, worseByPercent: 20 },
  ],
  warmUpMs: 10_000,
};

export function start(
  policy: JudgePolicy = ERRORS_ONLY,
  unit: Unit = 'request',
  before: ReplicaSecond[] = [],
): JudgeState {
  return startJudge({
    policy,
    unit,
    stable: 'blue',
    candidate: 'green',
    plannedSeconds: 300,
    baselineBefore: before,
  });
}

type Counts = { readonly n: number; readonly failed?: number; readonly table?: Uint16Array };

export function second(
  at: number,
  blue: Counts,
  green: Counts,
  more: Partial<JudgedSecond> = {},
): JudgedSecond {
  const rng = rngOf(at + 1);
  const rowOf = (slot: 'blue' | 'green', counts: Counts): ReplicaSecond =>
    replicaRow(
      { slot, replica: 0, second: at },
      counts.n,
      counts.failed ?? 0,
      counts.table === undefined ? [] : histogramOf(rng, counts.table, counts.n),
    );
  return {
    second: at,
    stepIndex: 0,
    askedSharePercent: 10,
    replicas: [rowOf('blue', blue), rowOf('green', green)],
    identities: [],
    ...more,
  };
}

export function fold(state: JudgeState, seconds: readonly JudgedSecond[]): JudgeState {
  return seconds.reduce(judgeSecond, state);
}

export function times(count: number, make: (at: number) => JudgedSecond): JudgedSecond[] {
  return Array.from({ length: count }, (_, at) => make(at));
}

export function people(at: number, slot: 'blue' | 'green', more: Partial<IdentitySecond>): IdentitySecond {
  return { second: at, slot, active: 0, assigned: 0, failed: 0, clientError: 0, records: [], ...more };
}

const arbitrarySecond = fc
  .record({
    blue: fc.nat(2000),
    green: fc.nat(2000),
    blueFailed: fc.double({ min: 0, max: 1, noNaN: true }),
    greenFailed: fc.double({ min: 0, max: 1, noNaN: true }),
    step: fc.nat(2),
    share: fc.constantFrom(0, 0.1, 5, 50, 99, 100),
    bucket: fc.nat(440),
    spread: fc.nat(60),
  })
  .map((one) => (at: number): JudgedSecond => {
    const rows = (['blue', 'green'] as const).map((slot) => {
      const n = one[slot];
      const failed = Math.floor(n * (slot === 'blue' ? one.blueFailed : one.greenFailed));
      const bucket = Math.min(443, one.bucket + (slot === 'green' ? one.spread : 0));
      return replicaRow({ slot, replica: n % 3, second: at }, n, failed, n > 0 ? [[bucket, n]] : []);
    });
    const identities = rows.map((row) => {
      const active = Math.floor(row.requests / 3);
      const records: IdentitySecond['records'] = active > 0 ? [[-1, one.bucket, active]] : [];
      return people(at, row.slot, {
        active,
        assigned: active,
        failed: Math.min(active, row.classes.serverError),
        records,
      });
    });
    return { second: at, stepIndex: one.step, askedSharePercent: one.share, replicas: rows, identities };
  });

export const arbitraryRun = fc.array(arbitrarySecond, { minLength: 1, maxLength: 60, size: 'max' });
export const arbitraryUnit = fc.constantFrom<Unit>('request', 'identity');
