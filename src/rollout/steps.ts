import { assert } from '../lib/assert.ts';
import { formatAddress } from '../lib/address.ts';
import { formatDuration } from '../lib/duration.ts';
import { isEarly, type EarlyStep, type Step } from '../release/plan.ts';
import type { VerifyCheck } from '../release/service.ts';
import type { SlotName } from '../release/slot.ts';
import type { ApprovalStep } from '../release/approval.ts';
import { agreementWords, isGranted } from './agreement.ts';
import { newRollout, warmSlotOf } from './new-rollout.ts';
import { isOutside, replicasFor } from './places.ts';
import {
  earlyStepOf,
  FREE_SLOT,
  labelOf,
  slotWithRole,
  standsStill,
  stepOf,
  wayBack,
  type DeployRequest,
  type Ending,
  type Rollout,
  type ServiceState,
  type StageSpan,
} from './state.ts';
import { command, say, withRollout, withSlot, withState, type Turn } from './turn.ts';
import { pastUnrecorded } from './unrecorded.ts';

/** Begins a rollout: empties the slot that it takes, or starts in it at once. `crashes`: of what is taken back warm. */
export function begin(turn: Turn, request: DeployRequest, atMs: number, crashes = 0): Turn {
  const warm = warmSlotOf(turn.state, request);
  const rollout = { ...newRollout(turn.state, request, atMs), crashes, crashesBefore: crashes };
  const begun = withState(turn, { rollout });
  const remarked = request.remark === null ? begun : say(begun, request.remark);
  if (warm !== null) {
    const taken = withSlot(remarked, warm, { role: 'candidate', keptUntilMs: null });
    return enterStep(say(taken, `back to ${request.label}, which is still warm in ${warm}`), 0, atMs);
  }
  return clear(say(remarked, `rollout of ${request.label} begins in ${rollout.candidate}`), atMs);
}

/** Empties the candidate's slot, then starts. */
export function clear(turn: Turn, atMs: number): Turn {
  const { rollout } = turn.state;
  assert(rollout !== null, 'clear without a rollout');
  const slot = turn.state.slots[rollout.candidate];
  if (slot.role === 'free') {
    const taken = withSlot(turn, rollout.candidate, { role: 'candidate', releaseId: rollout.releaseId });
    return enterStep(taken, 0, atMs);
  }
  if (slot.role === 'leaving') return turn;
  assert(slot.releaseId !== null, `slot ${rollout.candidate} has a role and no release`);
  const given = say(
    turn,
    `${labelOf(slot.releaseId)} in ${rollout.candidate} is given up; ${coldWords(turn.state, slot.releaseId)}`,
  );
  return vacate(given, rollout.candidate);
}

/** What giving a release up means for going back to it. */
export function coldWords(state: ServiceState, releaseId: string): string {
  if (!isOutside(state, releaseId)) return 'the way back to it is cold now';
  return state.spec.targets === null
    ? `the way back to it is cold now, and open only while it answers: Bascule cannot start it`
    : 'the way back to it is closed once something else stands there';
}

/** Drains and stops a slot that has no role any more. */
export function vacate(turn: Turn, slot: SlotName): Turn {
  const { releaseId } = turn.state.slots[slot];
  assert(releaseId !== null, `slot ${slot} of ${turn.state.service} is empty already`);
  const leaving = withSlot(turn, slot, { role: 'leaving', keptUntilMs: null });
  return command(leaving, { kind: 'stopSlot', slot, releaseId });
}

/** Goes to the step with this index; past the last one the rollout is done. */
export function enterStep(turn: Turn, stepIndex: number, atMs: number): Turn {
  const { rollout } = turn.state;
  assert(rollout !== null, 'a step without a rollout');
  const step = rollout.plan.steps[stepIndex];
  const at = withRollout(turn, { stepIndex, stepSinceMs: atMs, asks: null });
  if (step === undefined) return finish(at, doneEnding(rollout, atMs), atMs);
  switch (step.kind) {
    case 'start': {
      const { candidate: slot, releaseId } = rollout;
      const replicas = replicasFor(turn.state, slot);
      return command(withRollout(at, { phase: 'starting' }), {
        kind: 'startSlot',
        slot,
        releaseId,
        replicas,
      });
    }
    case 'ready':
      return whenReady(withRollout(at, { phase: 'probing' }), atMs);
    case 'verify':
      return verify(at, step.checks);
    case 'mirror':
    case 'header-only':
      return shift(
        say(at, `step ${stepLabel(rollout.plan.steps, stepIndex)}: ${earlyWords(step)}; users get stable`),
        0,
        atMs,
      );
    case 'share':
      return shift(
        say(at, `step ${stepLabel(rollout.plan.steps, stepIndex)}: ${step.percent}%`),
        step.percent,
        atMs,
      );
    case 'full':
      return shift(say(at, `all traffic to ${rollout.label}`), 100, atMs);
    case 'ask':
      return ask(at, `the plan asks for a person before ${rollout.label} gets all traffic`, atMs);
    case 'approval':
      return askToAgree(at, step, atMs);
    case 'watch':
      return say(withRollout(at, { phase: 'watching' }), `watching for ${formatDuration(step.forMs)}`);
  }
}

function verify(turn: Turn, checks: readonly VerifyCheck[]): Turn {
  const { rollout, preview } = turn.state;
  assert(rollout !== null && preview !== undefined, 'checks without a rollout or an address');
  const address = preview[rollout.candidate];
  const { id, releaseId, label } = rollout;
  const count = checks.length === 1 ? '1 check' : `${checks.length} checks`;
  return command(
    say(
      withRollout(turn, { phase: 'verifying' }),
      `${count} of ${label} on http://${formatAddress(address)}, before any traffic`,
    ),
    { kind: 'verify', rollout: id, releaseId, preview: address, checks },
  );
}

function earlyWords(step: EarlyStep): string {
  return step.kind === 'mirror'
    ? `mirror ${step.percent}%, copies of ${step.methods.join(', ')}`
    : `header-only, those who choose it by ${step.header}`;
}

/** `2/4`: the place of a step among those that are judged, and the full one. */
export function stepLabel(steps: readonly Step[], index: number): string {
  const counted = steps
    .map((step, at) => ({ step, at }))
    .filter(({ step }) => step.kind === 'share' || step.kind === 'full' || isEarly(step));
  return `${counted.filter(({ at }) => at <= index).length}/${counted.length}`;
}

/** Leaves the gate behind once every replica is healthy through the proxy. */
export function whenReady(turn: Turn, atMs: number): Turn {
  const { rollout } = turn.state;
  assert(rollout !== null, 'ready without a rollout');
  const slot = turn.state.slots[rollout.candidate];
  if (standsStill(rollout) || slot.replicas === 0 || slot.healthy < slot.replicas) return turn;
  const took = ((atMs - rollout.stepSinceMs) / 1000).toFixed(1);
  const ready =
    rollout.verified === true
      ? turn
      : say(
          turn,
          `${rollout.label} is ready: ${slot.healthy} of ${slot.replicas} healthy through the proxy (${took}s)`,
        );
  return enterStep(ready, rollout.stepIndex + 1, atMs);
}

/** A person setting weights for a day does not fill the state. */
const MOST_SPANS = 200;

/** The second in which a share ends belongs to neither. */
function closed(spans: readonly StageSpan[], atMs: number): readonly StageSpan[] {
  const toSecond = Math.floor(atMs / 1000) - 1;
  return spans.map((span) => (span.toSecond === null ? { ...span, toSecond } : span));
}

/** Asks for a share. What follows waits until the route is proven. */
export function shift(turn: Turn, sharePercent: number, atMs: number): Turn {
  const { rollout } = turn.state;
  assert(rollout !== null, 'a share without a rollout');
  const stage = turn.state.counter + 1;
  return withRollout(withState(turn, { counter: stage }), {
    sharePercent,
    stage,
    spans: closed(rollout.spans, atMs),
    crashesBefore: rollout.crashes,
    phase: 'shifting',
  });
}

export function ask(turn: Turn, asks: string, atMs: number): Turn {
  return say(
    withRollout(turn, { phase: 'asking', asks, stepSinceMs: atMs }),
    `waiting for a person: ${asks}`,
  );
}

/** Unless they agreed already: a person who set the share by hand comes here again. */
function askToAgree(turn: Turn, step: ApprovalStep, atMs: number): Turn {
  const { rollout, service } = turn.state;
  assert(rollout !== null, 'an approval without a rollout');
  if (isGranted(rollout, rollout.stepIndex)) return advance(turn, atMs);
  const asks = `${agreementWords(rollout, step)}: bascule approve ${service}`;
  return say(withRollout(turn, { phase: 'asking', asks }), `waiting for ${asks}`);
}

/** The route of this stage is proven: the share counts from the next whole second. */
export function settle(turn: Turn, atMs: number): Turn {
  const { rollout } = turn.state;
  assert(rollout !== null, 'settled without a rollout');
  const { stage, stepIndex, sharePercent } = rollout;
  const early = earlyStepOf(rollout)?.kind;
  const span: StageSpan = {
    stage,
    stepIndex,
    sharePercent,
    ...(early !== undefined && { early }),
    fromSecond: Math.floor(atMs / 1000) + 1,
    toSecond: null,
  };
  const settled = withRollout(turn, { spans: [...rollout.spans, span].slice(-MOST_SPANS) });
  if (rollout.sharePercent < 100) return withRollout(settled, { phase: 'dwelling', stepSinceMs: atMs });
  return enterStep(promoted(settled, rollout), rollout.stepIndex + 1, atMs);
}

/** Roles change; nothing moves and nothing restarts. */
function promoted(turn: Turn, rollout: Rollout): Turn {
  const roles = withSlot(turn, rollout.candidate, { role: 'stable' });
  const { from } = rollout;
  const kept = from === null ? roles : withSlot(roles, from.slot, { role: 'kept', keptUntilMs: null });
  return say(withRollout(kept, { promoted: true }), `PROMOTED: 100% on ${rollout.label}`);
}

/** What a log is searched for. */
const LOUD: Readonly<Record<Ending['outcome'], string>> = {
  done: 'DONE',
  'rolled-back': 'ROLLED BACK',
  aborted: 'ABORTED',
  undecided: 'BACK, UNDECIDED',
  superseded: 'SUPERSEDED',
  'never-ready': 'NEVER READY',
  unproven: 'NOT PROVEN BACK',
};

/** All traffic to where it came from: the route first, everything else after it. Never refused. */
export function goBack(turn: Turn, ending: Ending): Turn {
  const { rollout } = turn.state;
  assert(rollout !== null && rollout.ending === null, 'going back without a rollout under way');
  const back = wayBack(turn.state);
  const swapped =
    back === null || !rollout.promoted
      ? turn
      : withSlot(withSlot(turn, back, { role: 'stable', keptUntilMs: null }), rollout.candidate, {
          role: 'candidate',
        });
  const spans = closed(rollout.spans, ending.decidedAtMs);
  const returning = withRollout(swapped, { ending, spans, sharePercent: 0, phase: 'returning', asks: null });
  return say(returning, `${LOUD[ending.outcome]}: ${ending.reason}`);
}

/** Traffic is proven back: the candidate is drained and stopped. */
export function retire(turn: Turn, atMs: number): Turn {
  const { rollout } = turn.state;
  assert(rollout !== null && rollout.ending !== null, 'retiring without an ending');
  const retiring = withRollout(turn, { phase: 'retiring' });
  const back =
    rollout.spans.length === 0 ? retiring : say(retiring, backWords(rollout, rollout.ending, atMs));
  const { role } = turn.state.slots[rollout.candidate];
  if (role === 'free') return finish(back, rollout.ending, atMs);
  return role === 'leaving' ? back : vacate(back, rollout.candidate);
}

function backWords(rollout: Rollout, ending: Ending, atMs: number): string {
  const had = rollout.spans.some(({ sharePercent }) => sharePercent > 0);
  const where =
    rollout.from === null
      ? 'no version serves'
      : `100% ${had ? 'on' : 'stayed on'} ${rollout.from.label}${had ? ' again' : ''}`;
  return `${where} (${((atMs - ending.decidedAtMs) / 1000).toFixed(2)}s)`;
}

/** The rollout is over: what was kept gets its deadline, what waited begins, routes of before come too late. */
export function finish(turn: Turn, ending: Ending, atMs: number): Turn {
  const { rollout } = turn.state;
  assert(rollout !== null, 'finish without a rollout');
  const kept = slotWithRole(turn.state, 'kept');
  const timed = kept === null ? turn : withSlot(turn, kept, { keptUntilMs: atMs + rollout.plan.keepOldMs });
  const over: Turn = { ...pastUnrecorded(withState(timed, { rollout: null })), ended: { rollout, ending } };
  const said = say(over, endWords(turn.state, rollout, ending, kept !== null));
  return rollout.next === null ? said : begin(said, rollout.next, atMs);
}

function endWords(state: ServiceState, rollout: Rollout, ending: Ending, keeps: boolean): string {
  if (ending.outcome !== 'done') {
    return isOutside(state, rollout.releaseId)
      ? `${rollout.label} gets nothing more; it runs on where it is`
      : `${rollout.label} is stopped; its files and logs stay`;
  }
  if (!keeps || rollout.from === null) return `done: ${rollout.label} serves all traffic`;
  return `done: ${rollout.label} serves all traffic; ${rollout.from.label} is kept warm for ${formatDuration(rollout.plan.keepOldMs)}`;
}

export function freed(turn: Turn, slot: SlotName): Turn {
  return withSlot(turn, slot, FREE_SLOT);
}

function doneEnding(rollout: Rollout, atMs: number): Ending {
  const reason = `${rollout.label} serves all traffic`;
  return { outcome: 'done', cause: 'promoted', reason, by: 'bascule', decidedAtMs: atMs };
}

/** Past the present step; used by verdicts and by people. */
export function advance(turn: Turn, atMs: number): Turn {
  const { rollout } = turn.state;
  assert(rollout !== null && stepOf(rollout) !== undefined, 'nothing to advance');
  return enterStep(turn, rollout.stepIndex + 1, atMs);
}

/** A person goes on in spite of a pause for harm: the evidence so far does not pause it again. */
export function overlook(turn: Turn, atMs: number): Turn {
  const { rollout } = turn.state;
  if (rollout === null || rollout.paused?.by !== 'bascule') return turn;
  return withRollout(turn, {
    overlookedUntil: Math.floor(atMs / 1000) + 1,
    crashesBefore: rollout.crashes,
  });
}
