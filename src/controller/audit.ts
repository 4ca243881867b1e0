import { verifyAgainst } from '../journal/chain.ts';
import type { ChainHead, Journal, StoredEvent } from '../journal/journal.ts';
import type { AuditQuery } from './controller.ts';
import type { Origin } from './origin.ts';
import type { AuditPage, AuditView, ChainCheck } from './views.ts';

/** Records read at a time, and for one page: whoever asks for more asks again, so that nothing else waits for long. */
const WINDOW = 200;
const MOST_READ = 2000;

/** Kinds of events that are verbs, and what people call them. What a person did under another name says so itself. */
const VERBS: Readonly<Record<string, string>> = {
  apply: 'apply',
  deploy: 'deploy',
  pause: 'pause',
  resume: 'resume',
  promote: 'promote',
  weight: 'weight',
  abort: 'abort',
  rollback: 'rollback',
  remove: 'remove',
  lock: 'lock acquire',
  unlock: 'lock release',
  freeze: 'freeze',
  unfreeze: 'unfreeze',
  approve: 'approve',
  reject: 'reject',
  'plan kept': 'plan',
  'token created': 'token create',
  'token revoked': 'token revoke',
  'proxy replaced': 'proxy replace',
  'verb without effect': '',
  'verb noted': '',
};

/** What is written beside the says of an event; see `Extra` and `ServerEvent` of the engine. */
type Written = {
  readonly says?: readonly string[];
  readonly origin?: Origin;
  readonly service?: string | null;
  readonly result?: 'nothing' | 'refused';
  readonly code?: string | null;
  readonly reason?: string | null;
  readonly override?: string;
  readonly request?: { readonly override?: string | null };
  readonly freeze?: { readonly reason: string | null };
};

/** A page of what people asked for, newest first. It may hold fewer than were asked for although there is more. */
export function auditPage(journal: Pick<Journal, 'events' | 'head'>, query: AuditQuery): AuditPage {
  const entries: AuditView[] = [];
  let before = Math.min(query.beforeSeq ?? Infinity, journal.head().seq + 1);
  for (let read = 0; before > 1 && read < MOST_READ; read += WINDOW) {
    const afterSeq = Math.max(0, before - 1 - WINDOW);
    const found = journal
      .events({ aggregate: null, rollout: null, afterSeq, limit: WINDOW })
      .filter(({ seq }) => seq < before)
      .toReversed();
    // Older ones were pruned.
    if (found.length === 0) return { entries, before: null };
    for (const event of found) {
      if (query.sinceMs !== null && event.atMs < query.sinceMs) continue;
      const entry = auditView(event);
      if (entry === null || !matches(entry, query)) continue;
      entries.push(entry);
      if (entries.length === query.limit) return { entries, before: event.seq > 1 ? event.seq : null };
    }
    before = afterSeq + 1;
  }
  return { entries, before: before > 1 ? before : null };
}

function matches(entry: AuditView, query: AuditQuery): boolean {
  if (query.untilMs !== null && entry.atMs >= query.untilMs) return false;
  // What was done to all was done to each.
  if (query.service !== null && entry.service !== query.service && !isOfAll(entry)) return false;
  if (query.actor !== null && !entry.actor.toLowerCase().includes(query.actor.toLowerCase())) return false;
  return query.verb === null || entry.verb === query.verb || entry.verb.split(' ')[0] === query.verb;
}

function isOfAll(entry: AuditView): boolean {
  return entry.service === null && entry.verb.endsWith('freeze');
}

/** Null: nobody asked for it. */
function auditView(event: StoredEvent): AuditView | null {
  const known = VERBS[event.kind];
  if (known === undefined) return null;
  const written = event.event as Written;
  const { origin, says = [], result = 'done', code = null } = written;
  return {
    seq: event.seq,
    atMs: event.atMs,
    service: written.service === undefined ? serviceOf(event.aggregate) : written.service,
    rollout: event.rollout,
    actor: event.actor,
    role: origin?.role ?? null,
    from: origin?.from ?? null,
    verb: origin?.verb ?? known,
    result,
    code,
    reason: written.reason ?? written.override ?? written.request?.override ?? written.freeze?.reason ?? null,
    says,
  };
}

/** What belongs to no service is kept under a name that none can have. */
function serviceOf(aggregate: string): string | null {
  return aggregate.startsWith('(') ? null : aggregate;
}

/**
 * Reads and checks the whole journal: half a million records take seconds, and everything else waits meanwhile. The MAC of
 * what was announced may be given by its first digits, as "why" prints it.
 */
export function checkChain(journal: Journal, announced: ChainHead | null): ChainCheck {
  const head = journal.head();
  const fault = announced === null ? journal.verify() : verifyAgainst(journal, wholeMac(journal, announced));
  const [first] = journal.events({ aggregate: null, rollout: null, afterSeq: 0, limit: 1 });
  const firstSeq = first?.seq ?? head.seq + 1;
  return {
    head,
    records: Math.max(0, head.seq - firstSeq + 1),
    fault,
    compared: announced === null ? null : announced.seq >= firstSeq,
  };
}

function wholeMac(journal: Journal, announced: ChainHead): ChainHead {
  const { seq, mac } = announced;
  const [found] = journal.events({ aggregate: null, rollout: null, afterSeq: seq - 1, limit: 1 });
  return found?.seq === seq && found.mac.startsWith(mac) ? { seq, mac: found.mac } : announced;
}
