import { formatDuration } from '../lib/duration.ts';
import type { EarlyStep, Plan } from './plan.ts';
import { isEarly } from './plan.ts';
import { formatPercent } from './units.ts';
import { unseenIn } from './unseen.ts';

/** What comes before the first share, and after each part what it cannot see. */
export function describeEarly({ steps, judge }: Plan): readonly string[] {
  const measures = (judge.measures ?? []).map(({ name }) => name);
  return steps
    .filter(isEarly)
    .flatMap((step) => [
      `${earlyWords(step)}; users get stable`,
      `${step.kind} cannot see: ${unseenIn(step, measures).join('; ')}`,
    ]);
}

function earlyWords(step: EarlyStep): string {
  const least = `≥${formatDuration(step.atLeastMs)}`;
  if (step.kind === 'header-only') {
    const limit = formatPercent(step.maxErrorsPercent);
    return `${step.kind} ${least}: only requests that choose it by ${step.header}, ${step.requests} of them at least; back when more than ${limit} of them fail`;
  }
  const { methods, because } = step;
  const why = because === null ? '' : ` ("${because}")`;
  return `mirror ${formatPercent(step.percent)} ${least}: copies of ${methods.join(', ')}${why}, their answers thrown away and judged against those of stable to the same requests`;
}
