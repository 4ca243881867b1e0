import type { CheckResult } from './describe.ts';
import type { JudgeState } from './state.ts';

/** `error-rate +1.2pp [+0.6 … +1.9] is over +0.5pp, after 3 118 requests on the candidate`. */
export function harmReason(state: JudgeState, check: CheckResult): string {
  const after = `after ${grouped(state.step.requests[0])} requests on the candidate in this step`;
  if (check.name === 'tail') {
    return (
      `${shown(check.candidate)}% of the candidate's requests are slower than twice stable's p99 + 10%, ` +
      `${shown(check.stable)}% of stable's slower than twice its p99, ${after}`
    );
  }
  const counted = state.unit === 'identity' ? ' by people' : '';
  return `${withInterval(check)} is over ${withUnit(check, check.limit)}${counted}, ${after}`;
}

/** `error-rate +1.2pp [+0.6 … +1.9]`. */
export function withInterval(check: CheckResult): string {
  const difference = check.difference === null ? 'no value yet' : withUnit(check, check.difference);
  if (check.interval === null) return `${check.name} ${difference}`;
  const [lo, hi] = check.interval;
  return `${check.name} ${difference} [${signed(lo)} … ${hi === null ? '?' : signed(hi)}]`;
}

export function withUnit(check: Pick<CheckResult, 'unit'>, value: number): string {
  return `${signed(value)}${check.unit === 'percent' ? 'pp' : '%'}`;
}

export function grouped(count: number): string {
  return String(Math.round(count)).replace(/\B(?=(\d{3})+$)/g, ' ');
}

function signed(value: number): string {
  const text = shown(Math.abs(value));
  return `${value < 0 && Number(text) !== 0 ? '-' : '+'}${text}`;
}

/** Two digits that count below 0.1, two decimals below 1, one below 10, none above. */
function shown(value: number | null): string {
  if (value === null) return '?';
  const size = Math.abs(value);
  if (size > 0.001 && size < 0.1) return String(Number(value.toPrecision(2)));
  return value.toFixed(size < 1 ? 2 : size < 10 ? 1 : 0);
}
