import type { Route } from '../traffic/router.ts';
import { withState, type Turn } from './turn.ts';

/**
 * A route that is in no journal has a number that none in a journal will have as long as its rollout goes on: a controller
 * that knows nothing of it would give the same one to another route, and find it in use already.
 */
const UNRECORDED_AHEAD = 1000;

/** The way back that is done although the journal has no room for it. */
export function unrecorded(route: Route): Route {
  return { ...route, revision: route.revision + UNRECORDED_AHEAD };
}

/**
 * To be called when a rollout is over: the next route is above every one that it may have been given without a record. What
 * is still on its way to the proxy then, from a controller that was killed for example, comes too late: it would take the
 * next rollout back, and let the proxy count replicas that are not there any more.
 */
export function pastUnrecorded(turn: Turn): Turn {
  const revision = turn.state.route.revision + UNRECORDED_AHEAD + 1;
  return withState(turn, { route: { revision, proven: false } });
}
