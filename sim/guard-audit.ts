import { agreementBreached } from './agreeing.ts';
import type { JournalEntry } from '../src/journal/journal.ts';
import type { Freeze } from '../src/rollout/guard.ts';
import type { ServiceState } from '../src/rollout/state.ts';

type Guarded = { readonly frozen?: readonly Freeze[] };

/** What a lock or a freeze was to keep from happening and did not, or null. */
export function guardBreached(entry: JournalEntry, before: ServiceState): string | null {
  const { rollout: is } = entry.state as unknown as ServiceState;
  const { rollout: was, lock, freezes = [] } = before;
  const isOn = ({ untilMs }: { readonly untilMs: number | null }): boolean =>
    untilMs === null || entry.atMs < untilMs;
  const begins =
    entry.kind === 'deploy' &&
    is !== null &&
    (was?.id !== is.id || (is.next !== null && was.next !== is.next));
  const grows = is !== null && was?.id === is.id && is.ending === null && is.sharePercent > was.sharePercent;
  const unagreed = is === null ? null : agreementBreached(is, was?.id === is.id ? was.sharePercent : 0);
  if (unagreed !== null) return unagreed;
  const isLocked = lock !== undefined && lock !== null && isOn(lock) && lock.by !== entry.actor;
  if (isLocked && (begins || (grows && ['promote', 'weight'].includes(entry.kind))))
    return `${entry.kind} by ${entry.actor} goes through, and ${lock.by} holds a lock`;
  const { frozen = [] } = entry.event as Guarded;
  const on = [...freezes.filter(isOn), ...frozen];
  if (begins && on.length > 0) return `a rollout begins, and it is frozen by ${on[0]!.by}`;
  const holding = on.filter(({ alsoAdvancing }) => alsoAdvancing);
  if (grows && is.purpose !== 'rollback' && holding.length > 0)
    return `the share of ${is.label} grows, and it is held by ${holding[0]!.by}`;
  return null;
}
