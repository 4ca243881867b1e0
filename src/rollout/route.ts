import type { Mirror, Route, Split } from '../traffic/router.ts';
import { earlyStepOf, slotWithRole, type ServiceState } from './state.ts';

/** Who gets what, as a function of the state alone: it can be recomputed and applied again at any time. */
export function routeOf(state: ServiceState): Route {
  const { rollout } = state;
  const full = rollout !== null && rollout.ending === null && rollout.sharePercent === 100;
  return {
    service: state.service,
    revision: state.route.revision,
    serve: state.removing ? null : full ? rollout.candidate : slotWithRole(state, 'stable'),
    split: full || state.removing ? null : splitOf(state),
    replicas: { blue: state.slots.blue.replicas, green: state.slots.green.replicas },
    standIn: !hasUngated(state),
    ...candidateOf(state),
    ...matchedOf(state),
    ...mirrorOf(state),
  };
}

/** Named for overrides only, which may look at it before anybody else does. */
function candidateOf({ rollout, spec }: ServiceState): Pick<Route, 'candidate'> {
  if (spec.door.override === undefined) return {};
  const isOne = rollout !== null && rollout.ending === null && rollout.sharePercent < 100;
  return isOne ? { candidate: rollout.candidate } : {};
}

/** Offered from the step on in which people may choose it; not before its checks, and not while a mirror promises that nobody gets it. */
function matchedOf({ rollout, spec, removing }: ServiceState): Pick<Route, 'matched'> {
  const { proxy } = spec.door;
  if (rollout === null || removing || proxy.kind !== 'builtin' || proxy.candidateFor === undefined) return {};
  const { ending, sharePercent, candidate } = rollout;
  const isOffered = sharePercent > 0 || earlyStepOf(rollout)?.kind === 'header-only';
  return ending === null && sharePercent < 100 && isOffered ? { matched: candidate } : {};
}

/** Copies, as long as the rollout is in that step: whatever else happens ends them. */
function mirrorOf({ rollout, removing }: ServiceState): Pick<Route, 'mirror'> {
  const step = rollout === null || removing ? null : earlyStepOf(rollout);
  if (rollout === null || step?.kind !== 'mirror') return {};
  return { mirror: { slot: rollout.candidate, sharePercent: step.percent, methods: step.methods } };
}

/** A candidate before its gate, or one that was found bad, stands in for nobody. */
function hasUngated({ rollout, slots }: ServiceState): boolean {
  if (rollout === null || slots[rollout.candidate].replicas === 0) return false;
  return rollout.ending !== null || rollout.sharePercent === 0;
}

function splitOf(state: ServiceState): Split | null {
  const { rollout } = state;
  if (rollout === null || rollout.ending !== null || rollout.sharePercent === 0) return null;
  return {
    rollout: rollout.id,
    slot: rollout.candidate,
    sharePercent: rollout.sharePercent,
    seed: rollout.seed,
  };
}

export function sameRoute(a: Route, b: Route): boolean {
  return (
    a.serve === b.serve &&
    a.replicas.blue === b.replicas.blue &&
    a.replicas.green === b.replicas.green &&
    a.standIn === b.standIn &&
    sameMirror(a.mirror, b.mirror) &&
    isChosen(a) === isChosen(b) &&
    a.matched === b.matched &&
    (a.split === b.split ||
      (a.split !== null &&
        b.split !== null &&
        a.split.rollout === b.split.rollout &&
        a.split.slot === b.split.slot &&
        a.split.sharePercent === b.split.sharePercent))
  );
}

/** Whether somebody could choose the candidate: where nothing runs in its slot its name makes no difference. */
function isChosen({ candidate, replicas }: Route): boolean {
  return candidate !== undefined && replicas[candidate] > 0;
}

function sameMirror(a: Mirror | undefined, b: Mirror | undefined): boolean {
  if (a === undefined || b === undefined) return a === b;
  return a.slot === b.slot && a.sharePercent === b.sharePercent && a.methods.join() === b.methods.join();
}
