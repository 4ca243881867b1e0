import type { Journal, JournalEntry } from '../src/journal/journal.ts';
import { OperatingError } from '../src/lib/errors.ts';
import type { ServiceState } from '../src/rollout/state.ts';
import type { Audit } from './audit.ts';
import type { Life } from './manual-time.ts';

/** What a kill throws out of the journal. Nobody handles it: the process is gone. */
export class Killed extends Error {}

/** Kills the controller at the next commit of a service. */
export type CommitKill = { readonly when: 'before' | 'after'; readonly hit: () => void };

type Tapped = {
  readonly audit: Audit;
  readonly live: Map<string, ServiceState>;
  readonly diskFull: boolean;
  readonly kill: () => void;
  commitKill: CommitKill | null;
  commits: number;
  tell(line: () => string): void;
};

const SERVER = '(server)';

/** The real journal with a machine around it: a disk that is full, kills before and after a commit, someone who reads along. */
export function tapJournal(world: Tapped, journal: Journal, life: Life): Journal {
  const alive = (): Journal => {
    if (!life.alive) throw new Killed();
    return journal;
  };
  const commit: Journal['commit'] = (entry) => {
    if (!life.alive) throw new Killed();
    const kill = entry.aggregate === SERVER ? null : world.commitKill;
    if (kill !== null) {
      world.commitKill = null;
      kill.hit();
    }
    if (kill?.when === 'before') {
      world.kill();
      throw new Killed();
    }
    if (world.diskFull)
      throw new OperatingError('JOURNAL_FULL', 'the disk is full; nothing was written', { retryable: true });
    const committed = journal.commit(entry);
    world.commits += 1;
    note(world, entry);
    if (kill === null) return committed;
    world.kill();
    throw new Killed();
  };
  return {
    load: () => {
      const loaded = journal.load();
      world.audit.loaded(loaded);
      return loaded;
    },
    commit,
    events: (query) => alive().events(query),
    document: (kind, key) => alive().document(kind, key),
    documents: (query) => alive().documents(query),
    prune: (request) => alive().prune(request),
    verify: () => alive().verify(),
    head: () => alive().head(),
    close: () => undefined,
  };
}

function note(world: Tapped, entry: JournalEntry): void {
  if (entry.aggregate === SERVER) return;
  const before = world.live.get(entry.aggregate) ?? null;
  const state = entry.state as unknown as ServiceState | null;
  if (state === null) world.live.delete(entry.aggregate);
  else world.live.set(entry.aggregate, state);
  const { says } = entry.event as { readonly says: readonly string[] };
  world.tell(() => {
    const phase = state?.rollout === null || state === null ? '' : ` (${state.rollout.phase})`;
    return `${entry.kind} by ${entry.actor}${phase}${says.length === 0 ? '' : `: ${says.join('; ')}`}`;
  });
  world.audit.committed(entry, before);
}
