import assert from 'node:assert/strict';
import { test } from 'node:test';
import { normal, rngOf } from '../../test/judge-traffic.ts';
import { NO_MEANS, addMeans, meanLogE, startMeans, type MeanProcess } from './mean-process.ts';

function after(values: readonly number[], prior = 1): MeanProcess {
  return values.reduce((process, value) => addMeans(process, value, 1), startMeans(NO_MEANS, prior));
}

/**
 * The same e-value by brute force: ∫∫ Π φ((d−δσ)/σ)/σ · N(δ; 0, 1/c²) dδ dσ/σ over ∫ Π φ(d/σ)/σ dσ/σ, both on a grid.
 */
function integrated(values: readonly number[], width: number): number {
  const [top, bottom] = [[] as number[], [] as number[]];
  for (let logSigma = -8; logSigma <= 8; logSigma += 0.05) {
    const sigma = Math.exp(logSigma);
    const likelihood = (delta: number): number =>
      values.reduce((sum, d) => sum - Math.log(sigma) - (d / sigma - delta) ** 2 / 2, 0);
    bottom.push(likelihood(0));
    for (let delta = -40; delta <= 40; delta += 0.05) {
      const prior = Math.log(Math.sqrt(width / (2 * Math.PI)) * 0.05) - (width * delta * delta) / 2;
      top.push(likelihood(delta) + prior);
    }
  }
  return logSum(top) - logSum(bottom);
}

function logSum(values: readonly number[]): number {
  const largest = values.reduce((a, b) => Math.max(a, b));
  return largest + Math.log(values.reduce((sum, value) => sum + Math.exp(value - largest), 0));
}

test('the closed form is the integral that it stands for', () => {
  for (const values of [
    [1.2, 0.4, 2.2],
    [0.3, -0.1, 0.2, 0.25, 0.4, 0.1],
    [5, 5.5, 4.4, 6],
  ]) {
    const expected = logSum([0.05, 4].map((width) => integrated(values, width))) - Math.log(2);

    assert.ok(
      Math.abs(meanLogE(after(values), 0, 1) - expected) < 1e-3,
      `${meanLogE(after(values), 0, 1)} ${expected}`,
    );
  }
});

test('the scale of the values makes no difference, nor where the line lies when they move with it', () => {
  const values = [1.2, 0.4, 2.2, 0.8];
  const logE = meanLogE(after(values), 0.5, 1);

  assert.ok(Math.abs(meanLogE(after(values.map((one) => one * 1e6)), 0.5e6, 1) - logE) < 1e-6);
  assert.ok(Math.abs(meanLogE(after(values.map((one) => one + 100)), 100.5, 1) - logE) < 1e-6);
});

test('a mean at the line crosses 1/α in at most α of all runs, however often one looks', () => {
  const random = rngOf(11);
  let crossed = 0;
  const runs = 1500;
  for (let run = 0; run < runs; run++) {
    let process = startMeans(NO_MEANS, 1);
    for (let i = 0; i < 150; i++) {
      process = addMeans(process, 7 + 3 * normal(random), 1);
      if (meanLogE(process, 7, 1) >= Math.log(20)) {
        crossed += 1;
        break;
      }
    }
  }

  // One-sided: half of what the two-sided martingale may use up. Three deviations of chance above 5 %.
  assert.ok(crossed / runs <= 0.05 + 3 * Math.sqrt((0.05 * 0.95) / runs), `${crossed} of ${runs}`);
  assert.ok(crossed > 0, 'so that this test can fail');
});

test('an effect of four deviations is found within six values, and its opposite never', () => {
  const random = rngOf(5);
  let process = startMeans(NO_MEANS, 0.5);
  for (let i = 0; i < 6; i++) process = addMeans(process, 14 + normal(random), 1);

  assert.ok(meanLogE(process, 10, 1) > Math.log(100), String(meanLogE(process, 10, 1)));
  assert.ok(meanLogE(process, 10, -1) <= 0);
});

test('the same value again and again is evidence where it differs, and none where it is the line', () => {
  assert.equal(meanLogE(after([5, 5, 5, 5, 5, 5]), 5, 1), 0);
  assert.ok(meanLogE(after([5, 5, 5, 5, 5, 5]), 4, 1) > Math.log(100));
});

test('what starts never is more than all there is', () => {
  let process = NO_MEANS;
  for (let i = 0; i < 100; i++) process = startMeans(process, 0.3);

  assert.equal(process.starts.length, 3);
});
