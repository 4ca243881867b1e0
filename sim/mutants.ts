import { TRANSITION } from './transition-mutants.ts';

/** One wrong line in real code, which the simulator has to find. */
export type Mutant = {
  readonly name: string;
  readonly area: 'transition' | 'execution' | 'adoption';
  readonly file: string;
  /** Occurs exactly once in the file. */
  readonly from: string;
  readonly to: string;
};

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
