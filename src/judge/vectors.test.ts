import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { HARM_BETS, SAFE_BETS, betTable, ratioGain, shareGain, type Events } from './bet.ts';
import { betaBinomialLogE, logBeta, logGamma, probabilityBounds } from './beta-binomial.ts';
import { EXPOSURE_BUDGET, checksOf, safeMargin } from './checks.ts';
import {
  NO_DISPERSION,
  fullBlocks,
  learnHalves,
  phiOf,
  rawDispersion,
  tauOf,
  type Dispersion,
} from './dispersion.ts';
import { NO_HARM, advanceHarm, windowLimit } from './harm.ts';
import { realisedShare } from './realised-share.ts';
import { latencyShift } from './latency.ts';
import { mergeLogE } from './logspace.ts';
import { NOTHING_WON, advanceMixture, mixtureLogE } from './mixture.ts';

type Group = { cases: Record<string, never>[] } & Record<string, never>;
const vectors = JSON.parse(
  readFileSync(new URL('../../test/vectors/judge-vectors.json', import.meta.url), 'utf8'),
) as Record<string, Group>;

/** The cases of a group; a group that vanished must not pass silently. */
function casesOf<T>(group: string, least: number): T[] {
  const cases = (vectors[group]?.cases ?? []) as unknown as T[];
  assert.ok(cases.length >= least, `group ${group} holds ${cases.length} cases`);
  return cases;
}

function near(actual: number, expected: number, tolerance = 1e-12): void {
  const error = Math.abs(actual - expected);
  assert.ok(
    error <= tolerance * Math.max(1, Math.abs(expected)),
    `${actual} is not ${expected} (off by ${error})`,
  );
}

type Margins = { w: number; rho: number; delta: number };

function tableOf(c: Margins, bets: readonly number[]): ReturnType<typeof betTable> {
  return betTable(bets, { ratio: c.rho, add: c.delta }, c.w);
}

test('coefficients of a bet', () => {
  for (const c of casesOf<Margins & { r: number; a: number; b: number; c: number }>('coefficients', 7)) {
    const table = tableOf(c, [c.r]);
    near(table.candidateEvent[0]!, c.a);
    near(table.stableEvent[0]!, c.b);
    near(table.request[0]!, c.c);
  }
});

test('log likelihood ratio of one second', () => {
  for (const c of casesOf<Margins & { r: number; X: number; Y: number; N: number; logE: number }>(
    'tick_lr',
    7,
  )) {
    near(ratioGain(tableOf(c, [c.r]), 0, { candidate: c.X, stable: c.Y, requests: c.N }), c.logE);
  }
});

test('expected factor of one request', () => {
  type Case = Margins & { r: number; p_base: number; p_canary: number; expected: number };
  for (const c of casesOf<Case>('unit_expectation', 8)) {
    const table = tableOf(c, [c.r]);
    const factor = (candidate: number, stable: number): number =>
      Math.exp(ratioGain(table, 0, { candidate, stable, requests: 1 }));
    const mean =
      c.w * (c.p_canary * factor(1, 0) + (1 - c.p_canary) * factor(0, 0)) +
      (1 - c.w) * (c.p_base * factor(0, 1) + (1 - c.p_base) * factor(0, 0));

    near(mean, c.expected);
  }
});

test('mixture over effects and starting times', () => {
  type Case = {
    ticks: [number, number, number, number][];
    grid: number[];
    rho: number;
    delta: number;
    prior: number[];
    cap: number | null;
    phi: number;
    logE: number[];
  };
  for (const c of casesOf<Case>('mixture_process', 3)) {
    let mixture = NOTHING_WON;
    c.ticks.forEach(([w, X, Y, N], t) => {
      const table = tableOf({ w, rho: c.rho, delta: c.delta }, c.grid);
      const events = { candidate: X, stable: Y, requests: N };
      const logGains = c.grid.map((_, i) => Math.min(c.cap ?? Infinity, ratioGain(table, i, events) / c.phi));
      mixture = advanceMixture(mixture, { logGains, slopes: null, prior: c.prior[t] ?? 0 });
      near(mixtureLogE(mixture), c.logE[t]!, 1e-10);
    });
  }
});

test('share bet of one second', () => {
  for (const c of casesOf<{ w: number; rho: number; r: number; X: number; Y: number; logM: number }>(
    'share_bet',
    5,
  )) {
    const table = tableOf({ ...c, delta: 0 }, [c.r]);
    near(shareGain(table, 0, { candidate: c.X, stable: c.Y, requests: c.X + c.Y }), c.logM);
  }
});

test('the share bet expects 1 for any clusters, the likelihood ratio does not', () => {
  type Case = { cluster_sizes: number[]; w: number; r: number; E_share: number; E_lr: number };
  const cases = vectors['share_bet']!['exact_expectation_under_clusters'] as unknown as Case[];
  assert.ok(cases.length >= 3);
  for (const c of cases) {
    const table = tableOf({ w: c.w, rho: 1, delta: 0 }, [c.r]);
    const all = c.cluster_sizes.reduce((sum, size) => sum + size, 0);
    let [share, ratio] = [0, 0];
    for (let draw = 0; draw < 2 ** c.cluster_sizes.length; draw++) {
      const mine = c.cluster_sizes.filter((_, i) => (draw >> i) & 1);
      const candidate = mine.reduce((sum, size) => sum + size, 0);
      const chance = c.w ** mine.length * (1 - c.w) ** (c.cluster_sizes.length - mine.length);
      const events: Events = { candidate, stable: all - candidate, requests: all };
      share += chance * Math.exp(shareGain(table, 0, events));
      ratio += chance * Math.exp(ratioGain(table, 0, events));
    }

    near(share, c.E_share);
    near(ratio, c.E_lr, 1e-10);
  }
});

test('merging by weights', () => {
  for (const c of casesOf<{ weights: number[]; logE: number[]; merged: number }>('merge', 3)) {
    near(mergeLogE(c.weights.map((weight, i) => ({ weight, logE: c.logE[i]! }))), c.merged);
  }
});

test('shift of a latency line', () => {
  for (const c of casesOf<{ gamma: number; eps: number; s: number }>('latency_shift', 5)) {
    assert.equal(latencyShift(c.eps, c.gamma), c.s);
  }
});

test('silence that proves safety: the rule of three', () => {
  type Case = Margins & { alpha: number; N_total: number };
  for (const c of casesOf<Case>('safe_zero_errors', 2)) {
    const table = tableOf(c, SAFE_BETS);
    const logE = (requests: number): number => {
      const logGains = SAFE_BETS.map((_, i) => ratioGain(table, i, { candidate: 0, stable: 0, requests }));
      return mixtureLogE(advanceMixture(NOTHING_WON, { logGains, slopes: null, prior: 1 }));
    };
    assert.ok(logE(c.N_total) >= Math.log(1 / c.alpha));
    assert.ok(logE(c.N_total - 1) < Math.log(1 / c.alpha));
  }
});

test('realised share', () => {
  for (const c of casesOf<{ w: number; nc: number; n: number; w_hat: number }>('realised_share', 3)) {
    near(realisedShare(c.w, [c.nc, c.n - c.nc]), c.w_hat);
  }
});

test('exposure budget', () => {
  const errors = checksOf({ checks: [], warmUpMs: 0 })[0]!;
  assert.ok(errors.kind === 'rate' && EXPOSURE_BUDGET === 0.0005);
  for (const c of casesOf<{ w: number; delta: number }>('budget_margin', 4)) {
    near(safeMargin(errors, c.w).add, c.delta);
  }
});

test('the whole harm process, to the second of the rollback', () => {
  type Tick = [number, number, number, number];
  type Case = {
    name: string;
    ticks: Tick[] | null;
    pattern: { first: Tick; rest: Tick; length: number } | null;
    rollback_tick: number | null;
    logE_first5: number[];
    logE_last: number;
  };
  for (const c of casesOf<Case>('end_to_end', 5)) {
    const ticks =
      c.ticks ??
      Array.from({ length: c.pattern!.length }, (_, i) => (i === 0 ? c.pattern!.first : c.pattern!.rest));
    let harm = NO_HARM;
    let crossed: number | null = null;
    let last = 0;
    for (let t = 0; t < ticks.length && crossed === null; t++) {
      const [w, X, Y, N] = ticks[t]!;
      harm = advanceHarm(harm, {
        events: { candidate: X, stable: Y, requests: N },
        margin: { ratio: 1.1, add: 1e-4 },
        trafficShare: w,
        replicaShare: 0,
        phi: 1,
        tau: 1,
        prior: t === 0 ? 0.5 : t % 15 === 0 ? (0.3 * 15) / 600 : 0,
        overDelta: false,
        table: betTable,
      });
      last = mergeLogE([
        { weight: 0.5, logE: harm.logE },
        { weight: 0.5, logE: 0 },
      ]);
      if (t < c.logE_first5.length) near(last, c.logE_first5[t]!, 1e-10);
      if (last >= Math.log(100)) crossed = t + 1;
    }

    assert.equal(crossed, c.rollback_tick, c.name);
    near(last, c.logE_last, 1e-10);
  }
});

function learned(c: { sequence_unit: [number, number][]; repeat: number }): Dispersion {
  let dispersion = NO_DISPERSION;
  for (let i = 0; i < c.repeat; i++) {
    for (const [first, second] of c.sequence_unit) {
      dispersion = learnHalves(dispersion, { first, both: first + second, share: 0.5 });
    }
  }
  return dispersion;
}

test('dispersion between halves of stable', () => {
  const group = vectors['dispersion'] as unknown as { sequence_unit: [number, number][]; repeat: number };
  for (const c of casesOf<{ B: number; m0: number; phi_raw: number; blocks: number }>('dispersion', 2)) {
    const dispersion = learned(group);
    const index = [1, 5, 30].indexOf(c.B);
    assert.equal(fullBlocks(dispersion, index), c.blocks);
    near(rawDispersion(dispersion, index, c.m0), c.phi_raw);
  }
});

test('φ and τ', () => {
  type Case = { sequence_unit: [number, number][]; repeat: number; phi: number; tau: number };
  for (const c of casesOf<Case>('phi_tau', 2)) {
    near(phiOf(learned(c)), c.phi);
    near(tauOf(learned(c)), c.tau);
  }
});

test('window cap', () => {
  for (const c of casesOf<{ increments: number[]; H: number; C: number; logW: number[] }>('window_cap', 2)) {
    let recent = [0];
    c.increments.forEach((increment, t) => {
      const logW = Math.min(recent.at(-1)! + increment, windowLimit(recent.slice(-c.H), c.C));
      recent = [...recent, logW].slice(-Math.max(c.H, 1));
      near(logW, c.logW[t]!);
    });
  }
});

test('logGamma and logBeta', () => {
  for (const c of casesOf<{ x: number; lgamma: number }>('lgamma', 9)) {
    const error = Math.abs(logGamma(c.x) - c.lgamma);
    assert.ok(error <= 1e-13 * Math.max(1, Math.abs(c.lgamma)), `lgamma(${c.x}) is off by ${error}`);
  }
  for (const c of casesOf<{ a: number; b: number; lbeta: number }>('lbeta', 5))
    near(logBeta(c.a, c.b), c.lbeta);
});

test('beta-binomial e-value, also of a split', () => {
  type Case = { a: number; b: number; X: number; Y: number; theta: number; logE: number };
  for (const c of casesOf<Case>('beta_binomial', 5)) {
    near(betaBinomialLogE({ hits: c.X, misses: c.Y }, c.theta, c), c.logE, 1e-10);
  }
  for (const c of casesOf<{ w: number; nc: number; nb: number; logE: number }>('srm', 3)) {
    near(betaBinomialLogE({ hits: c.nc, misses: c.nb }, c.w), c.logE, 1e-10);
  }
});

test('always-valid bounds of a share, and of the ratio of rates that follows from them', () => {
  type Case = {
    w: number;
    X: number;
    Y: number;
    alpha: number;
    theta_lo: number;
    theta_hi: number;
    ratio_hi: number;
  };
  for (const c of casesOf<Case>('ratio_cs', 4)) {
    const [lo, hi] = probabilityBounds({ hits: c.X, misses: c.Y }, c.alpha);
    near(lo, c.theta_lo, 1e-9);
    near(hi, c.theta_hi, 1e-9);
    near((hi / (1 - hi)) * ((1 - c.w) / c.w), c.ratio_hi, 1e-8);
  }
});

type Crossing = { theta: number; events: number; alpha: number; process: string; p_cross: number };

/** P(a process ever reaches 1/α within so many events), by dynamic programming over what fell to the candidate. */
function crossingChance(c: Crossing, logE: (X: number, Y: number) => number): number {
  let alive = [1];
  let crossed = 0;
  for (let n = 1; n <= c.events; n++) {
    const next = Array.from({ length: n + 1 }, () => 0);
    alive.forEach((chance, X) => {
      next[X]! += chance * (1 - c.theta);
      next[X + 1]! += chance * c.theta;
    });
    alive = next.map((chance, X) => {
      if (chance === 0 || logE(X, n - X) < Math.log(1 / c.alpha)) return chance;
      crossed += chance;
      return 0;
    });
  }
  return crossed;
}

test('exact chance of ever crossing under no difference', () => {
  for (const c of casesOf<Crossing>('crossing_probability', 3)) {
    const table = betTable(HARM_BETS, { ratio: 1, add: 0 }, c.theta);
    const crossed = crossingChance(c, (X, Y) => {
      if (c.process === 'beta_binomial(1,1)') return betaBinomialLogE({ hits: X, misses: Y }, c.theta);
      const logGains = HARM_BETS.map((_, i) => ratioGain(table, i, { candidate: X, stable: Y, requests: 0 }));
      return mixtureLogE(advanceMixture(NOTHING_WON, { logGains, slopes: null, prior: 1 }));
    });

    near(crossed, c.p_cross);
    assert.ok(crossed <= c.alpha);
  }
});
