/** The groups of judge-vectors.json that stand behind the benchmark's bounds: incomplete beta, tails, the best possible e-value. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { betaBelow, binomialAtLeast, chanceBounds, knowingLogE } from '../bench/judge/exact.ts';
import { betaBinomialLogE, logGamma } from '../src/judge/beta-binomial.ts';

const vectors = JSON.parse(
  readFileSync(new URL('vectors/judge-vectors.json', import.meta.url), 'utf8'),
) as Record<string, { cases: unknown[] }>;

function casesOf<T>(group: string, least: number): T[] {
  const cases = (vectors[group]?.cases ?? []) as T[];
  assert.ok(cases.length >= least, `group ${group} holds ${cases.length} cases`);
  return cases;
}

function near(actual: number, expected: number, tolerance: number): void {
  const error = Math.abs(actual - expected) / Math.abs(expected);
  assert.ok(error <= tolerance, `${actual} is not ${expected} (off by ${error})`);
}

function logChoose(n: number, k: number): number {
  return logGamma(n + 1) - logGamma(k + 1) - logGamma(n - k + 1);
}

/** ln of what the distribution Beta(a, b) has above `theta`. */
function upper(theta: number, a: number, b: number): number {
  return Math.log(betaBelow(1 - theta, b, a));
}

test('incomplete beta function', () => {
  for (const c of casesOf<{ a: number; b: number; x: number; I: number }>('betainc', 8))
    near(betaBelow(c.x, c.a, c.b), c.I, 1e-10);
});

test('binomial tails and the bounds of a chance', () => {
  type Case = { X: number; n: number; theta: number; p_ge: number; cp_lo: number; cp_hi: number };
  for (const c of casesOf<Case>('binomial_tail', 3)) {
    near(binomialAtLeast(c.X, c.n, c.theta), c.p_ge, 1e-10);
    const [lo, hi] = chanceBounds(c.X, c.n);
    near(lo, c.cp_lo, 1e-10);
    near(hi, c.cp_hi, 1e-10);
  }
});

test('within a second the judge counts as if with replacement, which is on the safe side', () => {
  type Case = {
    n_canary: number;
    n_base: number;
    X: number;
    Y: number;
    p_hyper_ge: number;
    p_binom_ge: number;
  };
  for (const c of casesOf<Case>('hypergeom_vs_binom', 3)) {
    const [all, events] = [c.n_canary + c.n_base, c.X + c.Y];
    let exact = 0;
    for (let x = c.X; x <= Math.min(events, c.n_canary); x++) {
      if (events - x > c.n_base) continue;
      exact += Math.exp(logChoose(c.n_canary, x) + logChoose(c.n_base, events - x) - logChoose(all, events));
    }
    near(exact, c.p_hyper_ge, 1e-10);
    near(binomialAtLeast(c.X, events, c.n_canary / all), c.p_binom_ge, 1e-10);
    assert.ok(c.p_binom_ge > exact);
  }
});

test('the best possible e-value of a block', () => {
  type Case = { nc: number; nb: number; x: number; y: number; pc: number; pb: number; logE: number };
  for (const c of casesOf<Case>('gro_2x2', 3))
    near(knowingLogE(c, { candidate: c.pc, stable: c.pb }), c.logE, 1e-12);
});

test('beta-binomial e-value of one side', () => {
  type Case = { a: number; b: number; X: number; Y: number; theta: number; logE_one_sided: number | null };
  for (const c of casesOf<Case>('beta_binomial', 5)) {
    if (c.logE_one_sided === null) continue;
    const both = betaBinomialLogE({ hits: c.X, misses: c.Y }, c.theta, c);
    const one = both + upper(c.theta, c.a + c.X, c.b + c.Y) - upper(c.theta, c.a, c.b);
    assert.ok(Math.abs(one - c.logE_one_sided) <= 1e-10 * Math.max(1, Math.abs(one)));
  }
});
