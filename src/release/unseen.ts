import type { EarlyStep } from './plan.ts';
import { formatPercent } from './units.ts';

/** Of one judgement before the first share, what it says nothing about: told beside every word of it. */
export function unseenIn(step: EarlyStep, measures: readonly string[] = []): readonly string[] {
  const elsewhere =
    measures.length === 0 ? [] : [`${measures.join(', ')}: measured elsewhere, and not looked at yet`];
  return [...(step.kind === 'mirror' ? unseenByMirror(step) : unseenByHeader(step)), ...elsewhere];
}

function unseenByMirror({ methods }: Extract<EarlyStep, { kind: 'mirror' }>): readonly string[] {
  const doing = methods.filter((method) => method !== 'GET' && method !== 'HEAD');
  return [
    doing.length === 0
      ? `writes: only ${methods.join(' and ')} are copied`
      : `writes other than ${doing.join(', ')}; and what those change is changed twice`,
    'how people react: nobody sees what it answers',
    'cookies and sessions that its answers would set: no client gets them',
    'caches and stores that both share: stable may have filled them for it',
    'calls to others: they come twice, in their counts too',
    'uploads, WebSockets and event streams: not copied, or not to their end',
  ];
}

function unseenByHeader({
  header,
  maxErrorsPercent,
}: Extract<EarlyStep, { kind: 'header-only' }>): readonly string[] {
  return [
    `everybody else: who sends ${header} chose to, so that a difference from stable may be theirs`,
    'load: a few requests say nothing of what happens under that of all',
    `small faults: only severe ones and the plain limit of ${formatPercent(maxErrorsPercent)} decide, without a bound on false alarms`,
  ];
}
