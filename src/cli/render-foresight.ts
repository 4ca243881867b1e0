import type { ForeseenStepView, ForesightView } from '../controller/foresight-view.ts';
import { formatDuration } from '../lib/duration.ts';
import { printable } from '../release/problem.ts';
import { decimals, grouped } from './format.ts';
import { flow, piece, segment, type Line, type Segment } from './layout.ts';

/** What the judge could find in the traffic of now: each step with its checks, then whole faults, then what is poor. */
export function renderForesight(foresight: ForesightView, width: number): Line[] {
  const lines: Line[] = [];
  const field = (name: string, segments: readonly Segment[], style: 'dim' | 'warn' = 'dim'): void => {
    lines.push(...flow([piece(`  ${name.padEnd(9)}  `, style)], segments, { width, gap: 2 }));
  };
  const { traffic, steps, faults, advice } = foresight;
  if (traffic === null) {
    field('foresee', [
      segment('no request was counted in the last day: what the judge could find cannot be told'),
    ]);
  } else {
    field('foresee', [segment(trafficWords(traffic))]);
    for (const step of steps) field('', stepSegments(step));
    for (const { fault, foundAfterSeconds, sharePercent, hit } of faults) {
      const found =
        foundAfterSeconds === null
          ? 'not found before 100%'
          : `found after ${elapsed(foundAfterSeconds)} (at ${sharePercent}%), ~${grouped(hit ?? 0)} ${traffic.unit === 'identity' ? 'people' : 'requests'} hit`;
      field('', [segment(`${`${fault}:`.padEnd(22)}${found}`)]);
    }
  }
  field('', [segment(hangingWords(foresight.hanging))]);
  for (const warning of warningsOf(steps)) field('! warning', [segment(warning)], 'warn');
  for (const text of advice) field('! advice', [segment(printable(text))], 'warn');
  return lines;
}

function trafficWords(traffic: NonNullable<ForesightView['traffic']>): string {
  const what = traffic.unit === 'identity' ? 'new people/s' : 'req/s';
  const over =
    traffic.hours >= 1 ? `last ${Math.round(traffic.hours)}h` : `last ${elapsed(traffic.hours * 3600)}`;
  const best = traffic.bestCase
    ? '; at best, as if every request were somebody new: people are counted from the first canary on'
    : '';
  return `at ${decimals(traffic.perSecond)} ${what} (${over}, ${decimals(traffic.errorPercent)}% errors${best})`;
}

function stepSegments(step: ForeseenStepView): readonly Segment[] {
  const { sharePercent, candidatePerMinute, atLeastSeconds, atMostSeconds } = step;
  const least = elapsed(atLeastSeconds);
  const head = segment(`${`${sharePercent}%`.padEnd(4)} ${grouped(candidatePerMinute)}/min:`);
  const checks = step.checks.map(({ name, unit, foundAtLeast, foundAtMost }) => {
    if (foundAtMost === null) return segment(`${printable(name)} nothing in ${elapsed(atMostSeconds)}`);
    const first = foundAtLeast === null ? `nothing in ${least}` : `+${size(foundAtLeast)}${unit} in ${least}`;
    const rest =
      atMostSeconds > atLeastSeconds ? `, +${size(foundAtMost)}${unit} in ${elapsed(atMostSeconds)}` : '';
    return segment(`${printable(name)} ${first}${rest}`);
  });
  return [head, ...checks];
}

/** Checks that cannot show a version to be as good in a step, and the first step in which they can. */
function warningsOf(steps: readonly ForeseenStepView[]): readonly string[] {
  const first = steps[0];
  if (first === undefined) return [];
  return first.checks.flatMap(({ name, safeAfterSeconds }, index) => {
    if (safeAfterSeconds !== null) return [];
    const later = steps.find((step) => (step.checks[index]?.safeAfterSeconds ?? null) !== null);
    const rest = later === undefined ? 'nor at any other step' : `it can be from ${later.sharePercent}% on`;
    return [
      `${printable(name)} cannot be shown to be as good at ${first.sharePercent}% (${grouped(first.candidatePerMinute)}/min) within ${elapsed(first.atMostSeconds)}; ${rest}`,
    ];
  });
}

function hangingWords({ proxy, silenceSeconds, foundAfterSeconds }: ForesightView['hanging']): string {
  const found = foundAfterSeconds === null ? '' : `, found after ~${elapsed(foundAfterSeconds)}`;
  return `a version that hangs looks idle behind ${proxy === 'builtin' ? 'the built-in proxy' : proxy} for ${elapsed(silenceSeconds)}${found}; clients that leave sooner are not counted`;
}

function elapsed(seconds: number): string {
  return formatDuration(Math.round(seconds) * 1000);
}

/** Two digits: what is foreseen is no more exact. */
function size(amount: number): string {
  return String(Number(amount.toPrecision(2)));
}
