import type { RolloutView, ServiceView, StepView } from '../controller/views.ts';
import { printable } from '../release/problem.ts';
import type { Style } from './layout.ts';

/** Where a rollout stands, in words. Pure. */

/** `step 2/4`: its place among the shares; what comes before and after them has a name. */
export function stepPlace(rollout: RolloutView): string {
  const place = shownStep(rollout, rollout.stepIndex);
  const all = rollout.steps.filter(isShare).length;
  const now = rollout.steps[rollout.stepIndex];
  if (rollout.phase === 'over') return '';
  if (place === 0 || now === undefined) return rollout.phase;
  return now.kind === 'watch' ? now.label : `step ${place}/${all}`;
}

/** The number under which people know the step with this index: shares count from 1. */
export function shownStep(rollout: RolloutView, stepIndex: number): number {
  return rollout.steps.slice(0, stepIndex + 1).filter(isShare).length;
}

function isShare(step: StepView): boolean {
  return ['mirror', 'header-only', 'share', 'full'].includes(step.kind);
}

/** `v42 → v43`. */
export function versions(rollout: RolloutView): string {
  const label = printable(rollout.label);
  return rollout.from === null ? `first version ${label}` : `${printable(rollout.from)} → ${label}`;
}

export type State = { readonly mark: string; readonly word: string; readonly style: Style };

export function stateOfIdle(view: ServiceView): State {
  if (view.condition === 'serving') return { mark: '●', word: 'serving', style: 'good' };
  return { mark: view.condition === 'degraded' ? '◍' : '✖', word: view.condition, style: 'bad' };
}

export function stateOf(rollout: RolloutView): State {
  switch (rollout.outcome) {
    case 'done':
      return { mark: '✔', word: 'done', style: 'good' };
    case 'rolled-back':
      return { mark: '✖', word: overOr(rollout, 'ROLLED BACK', 'going back'), style: 'bad' };
    case 'aborted':
      return { mark: '✖', word: overOr(rollout, 'aborted', 'going back'), style: 'warn' };
    case 'undecided':
      return { mark: '✖', word: overOr(rollout, 'back because undecided', 'going back'), style: 'warn' };
    case 'superseded':
      return { mark: '✖', word: 'superseded', style: 'warn' };
    case 'never-ready':
      return { mark: '✖', word: neverWord(rollout), style: 'bad' };
    case 'unproven':
      return { mark: '✖', word: 'THE WAY BACK IS NOT PROVEN', style: 'bad' };
    case null:
      break;
  }
  if (rollout.approval !== null) return { mark: '?', word: 'waits for approval', style: 'warn' };
  if (rollout.phase === 'asking') return { mark: '?', word: 'asks a person', style: 'warn' };
  if (rollout.paused) return { mark: '‖', word: 'paused', style: 'warn' };
  return { mark: '◑', word: rollout.byHand ? 'by hand' : 'progressing', style: 'bold' };
}

function neverWord({ cause }: RolloutView): string {
  return cause === 'verify' ? 'failed its checks, got no traffic' : 'never became ready';
}

function overOr(rollout: RolloutView, over: string, underWay: string): string {
  return rollout.phase === 'over' ? over : underWay;
}
