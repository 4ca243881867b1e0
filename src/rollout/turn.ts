import type { SlotName } from '../release/slot.ts';
import type { Command, IssuedCommand } from './command.ts';
import type { Ending, Rollout, ServiceState, Slot } from './state.ts';

/** One turn of a decision: what the state becomes, what is to be done, what is said about it. Immutable. */
export type Turn = {
  readonly state: ServiceState;
  readonly commands: readonly IssuedCommand[];
  /** One sentence each, for logs, CI output and the history. */
  readonly says: readonly string[];
  /** The rollout that ended in this turn, as it was last. */
  readonly ended: EndedRollout | null;
  /** A rollout that waited for its turn and will never begin. */
  readonly dropped: EndedRollout | null;
  /** The service is gone for good. */
  readonly gone: boolean;
};

export type EndedRollout = { readonly rollout: Rollout; readonly ending: Ending };

export function turnOf(state: ServiceState): Turn {
  return { state, commands: [], says: [], ended: null, dropped: null, gone: false };
}

export function withState(turn: Turn, change: Partial<ServiceState>): Turn {
  return { ...turn, state: { ...turn.state, ...change } };
}

export function withSlot(turn: Turn, slot: SlotName, change: Partial<Slot>): Turn {
  const slots = { ...turn.state.slots, [slot]: { ...turn.state.slots[slot], ...change } };
  return withState(turn, { slots });
}

export function withRollout(turn: Turn, change: Partial<Rollout>): Turn {
  const { rollout } = turn.state;
  return rollout === null ? turn : withState(turn, { rollout: { ...rollout, ...change } });
}

export function command(turn: Turn, command: Command): Turn {
  const counter = turn.state.counter + 1;
  const issued = { id: `${turn.state.service}/${counter}`, command };
  return { ...withState(turn, { counter }), commands: [...turn.commands, issued] };
}

export function say(turn: Turn, sentence: string): Turn {
  return { ...turn, says: [...turn.says, sentence] };
}
