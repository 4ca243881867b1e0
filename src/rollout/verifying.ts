import type { RolloutEvent } from './event.ts';
import { lines } from './faults.ts';
import { neverReady } from './results.ts';
import { goBack, whenReady } from './steps.ts';
import type { ServiceState } from './state.ts';
import { say, turnOf, withRollout, type Turn } from './turn.ts';

/** A check that failed ends the rollout, paused or not; when all hold, the candidate goes on as soon as it is (still) healthy. */
export function verified(state: ServiceState, event: Extract<RolloutEvent, { kind: 'verified' }>): Turn {
  const turn = turnOf(state);
  const { rollout } = state;
  if (rollout === null || rollout.id !== event.rollout || rollout.phase !== 'verifying') return turn;
  if (event.failed !== null) {
    const reason = `${rollout.label} failed a check before any traffic: ${event.failed}${lines(event.found)}`;
    return goBack(turn, { ...neverReady(reason, event.atMs), cause: 'verify' });
  }
  const held = event.found.reduce(say, turn);
  const looked = withRollout(held, { verified: true, phase: 'probing', stepSinceMs: event.atMs });
  return state.route.proven ? whenReady(looked, event.atMs) : looked;
}
