import type { Rollout } from './state.ts';

/** Whether nothing goes on until a person does something. */
export function isWaiting({ phase, paused, byHand, ending }: Rollout): boolean {
  if (ending !== null) return ending.outcome === 'unproven';
  return phase === 'asking' || paused !== null || byHand;
}
