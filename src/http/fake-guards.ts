import type { Caller, Controller } from '../controller/controller.ts';
import type { Answered, ServiceView } from '../controller/views.ts';
import type { Fake } from './fake-controller.ts';

function endOf(ask: { readonly forMs: number | null; readonly untilMs?: number | null }): string {
  const { forMs, untilMs = null } = ask;
  if (forMs !== null) return ` for ${forMs}`;
  return untilMs === null ? '' : ` until ${untilMs}`;
}

/** Locks and freezes of the fake controller: recorded, and without effect. */
export function guardPart(
  fake: Pick<Fake, 'calls' | 'changes' | 'refusal'>,
  find: (name: string) => ServiceView,
): Controller['guard'] {
  const act = async (call: string, name: string | null, caller: Caller): Promise<Answered> => {
    fake.calls.push(`${call} by ${caller.actor} as ${caller.role}`);
    if (fake.refusal !== null) throw fake.refusal;
    const service = name === null ? null : find(name);
    fake.changes.push(call);
    return { result: 'done', message: `${call}: recorded.`, service, rollout: null };
  };
  return {
    lock: (ask, caller) => act(`lock ${ask.service}${endOf(ask)}: ${ask.reason}`, ask.service, caller),
    unlock: ({ service, force, reason }, caller) =>
      act(`unlock ${service}${force ? ` by force: ${reason}` : ''}`, service, caller),
    freeze: (ask, caller) =>
      act(
        `freeze ${ask.service ?? 'all'}${endOf(ask)}${ask.alsoAdvancing ? ' also advancing' : ''}: ${ask.reason}`,
        ask.service,
        caller,
      ),
    approve: ({ service, rollout, step, reason }, caller) =>
      act(`approve ${service} ${rollout} ${step}: ${reason}`, service, caller),
    reject: ({ service, rollout, step, reason }, caller) =>
      act(`reject ${service} ${rollout} ${step}: ${reason}`, service, caller),
    unfreeze: (service, caller) => act(`unfreeze ${service ?? 'all'}`, service, caller),
  };
}
