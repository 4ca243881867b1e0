/** One wrong line in real code, which the simulator has to find. */
export type Mutant = {
  readonly name: string;
  readonly area: 'transition' | 'execution' | 'adoption';
  readonly file: string;
  /** Occurs exactly once in the file. */
  readonly from: string;
  readonly to: string;
};

const TRANSITION: readonly Mutant[] = [
  {
    name: 'ready when one replica is healthy',
    area: 'transition',
    file: 'src/rollout/steps.ts',
    from: 'slot.replicas === 0 || slot.healthy < slot.replicas) return turn;',
    to: 'slot.replicas === 0 || slot.healthy < 1) return turn;',
  },
  {
    name: 'a pause does not hold at the gate',
    area: 'transition',
    file: 'src/rollout/steps.ts',
    from: 'if (standsStill(rollout) || slot.replicas === 0',
    to: 'if (slot.replicas === 0',
  },
  {
    name: 'a pause does not hold a dwell',
    area: 'transition',
    file: 'src/rollout/observations.ts',
    from: "if (rollout.phase !== 'dwelling' || standsStill(rollout)) return turn;",
    to: "if (rollout.phase !== 'dwelling') return turn;",
  },
  {
    name: 'a step ends after half its time',
    area: 'transition',
    file: 'src/rollout/dwell.ts',
    from: 'const dweltMs = verdict.seconds * 1000;',
    to: 'const dweltMs = verdict.seconds * 2000;',
  },
  {
    name: 'a step is skipped',
    area: 'transition',
    file: 'src/rollout/steps.ts',
    from: "assert(rollout !== null && stepOf(rollout) !== undefined, 'nothing to advance');\n  return enterStep(turn, rollout.stepIndex + 1, atMs);",
    to: "assert(rollout !== null && stepOf(rollout) !== undefined, 'nothing to advance');\n  return enterStep(turn, Math.min(rollout.stepIndex + 2, rollout.plan.steps.length - 1), atMs);",
  },
  {
    name: 'the watch is not waited for',
    area: 'transition',
    file: 'src/rollout/observations.ts',
    from: 'if (event.breach !== null) {',
    to: 'if (event.breach === undefined) {',
  },
  {
    name: 'a severe verdict is taken for advice',
    area: 'transition',
    file: 'src/rollout/observations.ts',
    from: "if (verdict.overall === 'severe') return severe(",
    to: "if (verdict.overall === 'no-data') return severe(",
  },
  {
    name: 'a way back does not put the roles back',
    area: 'transition',
    file: 'src/rollout/steps.ts',
    from: 'back === null || !rollout.promoted\n',
    to: 'back === null || rollout.promoted\n',
  },
  {
    name: 'the superseded one keeps its successor waiting for ever',
    area: 'transition',
    file: 'src/rollout/steps.ts',
    from: 'return rollout.next === null ? said : begin(said, rollout.next, atMs);',
    to: 'return said;',
  },
  {
    name: 'what is kept is never given up',
    area: 'transition',
    file: 'src/rollout/steps.ts',
    from: 'keptUntilMs: atMs + rollout.plan.keepOldMs',
    to: 'keptUntilMs: null',
  },
  {
    name: 'what stands in for stable is given up',
    area: 'transition',
    file: 'src/rollout/observations.ts',
    from: 'event.atMs >= until && !standsIn(state, kept)',
    to: 'event.atMs >= until',
  },
  {
    name: 'an older start undoes a newer scale',
    area: 'transition',
    file: 'src/rollout/results.ts',
    from: 'const running = slot.replicas > 0 ? turn : ',
    to: 'const running = ',
  },
  {
    name: 'a late way back of the last rollout undoes the next one',
    area: 'transition',
    file: 'src/rollout/steps.ts',
    from: '...pastUnrecorded(withState(timed, { rollout: null }))',
    to: '...withState(timed, { rollout: null })',
  },
  {
    name: 'a lock keeps nobody out',
    area: 'transition',
    file: 'src/rollout/guards.ts',
    from: 'if (lock !== null && lock.by !== event.actor) return refusedByLock',
    to: 'if (lock !== null && lock.by === event.actor) return refusedByLock',
  },
  {
    name: 'a freeze does not hold what is under way',
    area: 'transition',
    file: 'src/rollout/state.ts',
    from: 'return rollout.paused !== null || (rollout.held ?? null) !== null;',
    to: 'return rollout.paused !== null;',
  },
  {
    name: 'a check that fails is not listened to',
    area: 'transition',
    file: 'src/rollout/verifying.ts',
    from: 'if (event.failed !== null) {',
    to: 'if (event.failed === undefined) {',
  },
  {
    name: 'a watch ends after half its time',
    area: 'transition',
    file: 'src/rollout/observations.ts',
    from: 'event.seconds * 1000 < step.forMs',
    to: 'event.seconds * 2000 < step.forMs',
  },
  {
    name: 'a deploy takes the slot of what stands in',
    area: 'transition',
    file: 'src/rollout/verbs.ts',
    from: 'return slotInUse(state) ?? turned(begin(asked, request, event.atMs));',
    to: 'return turned(begin(asked, request, event.atMs));',
  },
];

const EXECUTION: readonly Mutant[] = [
  {
    name: 'a route counts as proven when it was sent',
    area: 'execution',
    file: 'src/controller/execute.ts',
    from: 'if (revision === route.revision)',
    to: 'if (revision >= 0)',
  },
  {
    name: 'a route that fails is not tried again',
    area: 'execution',
    file: 'src/controller/execute.ts',
    from: 'await this.#effort.pause(waitMs);\n      }\n    }\n  }\n\n  /** Whether it could be recorded',
    to: 'return;\n      }\n    }\n  }\n\n  /** Whether it could be recorded',
  },
  {
    name: 'stops without a drain',
    area: 'execution',
    file: 'src/controller/slot-work.ts',
    from: '    await this.#drained(service, slot);\n',
    to: '',
  },
  {
    name: 'stops whatever is in the slot',
    area: 'execution',
    file: 'src/controller/slot-work.ts',
    from: "return now?.role === 'leaving' && now.releaseId === releaseId;",
    to: 'return now !== undefined;',
  },
  {
    name: 'starts what nobody wants any more',
    area: 'execution',
    file: 'src/controller/slot-work.ts',
    from: "return now !== undefined && now.releaseId === releaseId && now.role !== 'leaving';",
    to: 'return now !== undefined;',
  },
  {
    name: 'starts before the proxy knows that the slot is empty',
    area: 'execution',
    file: 'src/controller/slot-work.ts',
    from: '        await this.#emptied(service, slot);\n',
    to: '',
  },
  {
    name: 'an old start speaks for a new one',
    area: 'execution',
    file: 'src/controller/slot-work.ts',
    from: '        if (this.#starts.get(place) !== id) continue;\n        const state',
    to: '        const state',
  },
  {
    name: 'an old start that works says how many replicas a new one has',
    area: 'execution',
    file: 'src/controller/slot-work.ts',
    from: '|| replicas);\n        if (this.#starts.get(place) !== id) continue;',
    to: '|| replicas);',
  },
  {
    name: 'a proxy that is away for a moment fails a start',
    area: 'execution',
    file: 'src/controller/slot-work.ts',
    from: 'passesByItself(error) ? this.#readyWithinMs(state) : 0;',
    to: '0;',
  },
  {
    name: 'a result that cannot be recorded is dropped',
    area: 'execution',
    file: 'src/controller/effort.ts',
    from: 'if (!isRetryable(error)) throw error;',
    to: 'return;',
  },
  {
    name: 'a full disk stands before the way back',
    area: 'execution',
    file: 'src/controller/engine.ts',
    from: 'if (!isUnrecorded(error) || !goesBack(before, turn)) throw error;',
    to: 'throw error;',
  },
  {
    name: 'a removed service haunts the next one',
    area: 'execution',
    file: 'src/controller/tenure.ts',
    from: 'return state?.salt === salt ? state : null;',
    to: 'return state;',
  },
  {
    name: 'the health of a former route is believed',
    area: 'execution',
    file: 'src/controller/lookout.ts',
    from: 'if (seen.revision < state.route.revision) return await this.#restore(service);',
    to: '',
  },
  {
    name: 'a way back without a record has the number of the next route',
    area: 'execution',
    file: 'src/rollout/unrecorded.ts',
    from: 'const UNRECORDED_AHEAD = 1000;',
    to: 'const UNRECORDED_AHEAD = 0;',
  },
  {
    name: 'a check is tried once, whatever the file says',
    area: 'execution',
    file: 'src/controller/verify-work.ts',
    from: 'result.ok || attempt === check.attempts ||',
    to: 'result.ok || attempt === 1 ||',
  },
];

const ADOPTION: readonly Mutant[] = [
  {
    name: 'commands without a result are forgotten at a start',
    area: 'adoption',
    file: 'src/controller/loop.ts',
    from: '      executor.enqueue(service, commands);\n',
    to: '',
  },
  {
    name: 'what crashed meanwhile is not started again',
    area: 'adoption',
    file: 'src/controller/execute.ts',
    from: "if (releaseId === null || replicas === 0 || role === 'free' || role === 'leaving') continue;",
    to: "if (releaseId === null || replicas === 0 || role !== 'candidate') continue;",
  },
  {
    name: 'a proxy that lost its state is not given it again',
    area: 'adoption',
    file: 'src/controller/execute.ts',
    from: '    if (state === null || !state.route.proven || state.route.revision === 0) return;\n',
    to: '    if (state !== null) return;\n',
  },
  {
    name: 'another boot goes unnoticed',
    area: 'adoption',
    file: 'src/controller/loop.ts',
    from: 'engine.bootId !== null && engine.bootId !== bootId',
    to: 'engine.bootId !== null && engine.bootId === null',
  },
  {
    name: 'a rollout goes on after another boot',
    area: 'adoption',
    file: 'src/rollout/observations.ts',
    from: '  if (rollout === null) return turn;\n  const ending: Ending =\n    rollout.promoted',
    to: '  if (rollout !== null || rollout === null) return turn;\n  const ending: Ending =\n    rollout.promoted',
  },
  {
    name: 'a proxy that is ahead of the journal is not caught up with',
    area: 'adoption',
    file: 'src/controller/lookout.ts',
    from: 'if (seen.revision > state.route.revision && !this.#engine.owes(service)) {',
    to: 'if (seen.revision > state.route.revision && this.#engine.owes(service)) {',
  },
  {
    name: 'a start of before another boot stands before the new one',
    area: 'adoption',
    file: 'src/controller/slot-work.ts',
    from: 'numberOf(id) > numberOf(newest)',
    to: 'numberOf(id) < numberOf(newest)',
  },
  {
    name: 'the boot is noted before everyone was told',
    area: 'adoption',
    file: 'src/controller/loop.ts',
    from: '    const restarted = engine.bootId !== null && engine.bootId !== bootId;\n',
    to: '    const restarted = engine.bootId !== null && engine.bootId !== bootId;\n    engine.noteBoot(bootId);\n',
  },
];

export const MUTANTS: readonly Mutant[] = [...TRANSITION, ...EXECUTION, ...ADOPTION];
