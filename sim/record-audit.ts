import type { JournalEntry, StoredAggregate } from '../src/journal/journal.ts';
import type { RolloutRecord } from '../src/controller/records.ts';
import type { Outcome, ServiceState } from '../src/rollout/state.ts';
import { transition } from '../src/rollout/transition.ts';
import type { RolloutEvent } from '../src/rollout/event.ts';
import type { Watched } from './audit.ts';
import { EXCUSES } from './excuses.ts';
import { guardBreached } from './guard-audit.ts';
import { FELT_MS, type Memory, type Typed } from './memory.ts';
import { isCaught, LATE_AT, natureOf } from './nature.ts';

type Known = {
  readonly releaseId: string;
  readonly plan: string;
  readonly reboots: number;
  readonly sinceMs: number;
  /** Its plan finds what is wrong with it. */
  readonly isCaught: boolean;
  /** Its plan may end as undecided. */
  readonly asksOrBacks: boolean;
  /** A check that holds late is tried often enough. */
  readonly checksAgain: boolean;
  outcome: Outcome | null;
};

/** A word that a full disk held up is recorded late. */
const MOST_LATE_MS = 5000;
/** It takes as long as everything else together. */
const FOLDED_EVERY = 5;

/** What the journal holds, and whether what it says fits what happened. */
export class RecordAudit {
  /** Release that the last finished rollout brought, by service. */
  readonly expected = new Map<string, string>();
  readonly #world: Watched;
  readonly #memory: Memory;
  readonly #breach: (what: string) => void;
  readonly #rollouts = new Map<string, Known>();
  readonly #pending = new Set<string>();

  constructor(world: Watched, memory: Memory, breach: (what: string) => void) {
    this.#world = world;
    this.#memory = memory;
    this.#breach = breach;
  }

  /** What is folded back is what was live when it was committed. */
  loaded(aggregates: readonly StoredAggregate[]): void {
    for (const { aggregate, state } of aggregates) {
      const live = this.#world.live.get(aggregate);
      if (live !== undefined && JSON.stringify(live) !== JSON.stringify(state))
        this.#breach(`the journal gives back another state of ${aggregate} than was committed`);
    }
  }

  committed(entry: JournalEntry, before: ServiceState | null): void {
    this.#isProven(entry);
    const guard = before === null || entry.state === null ? null : guardBreached(entry, before);
    if (guard !== null) this.#breach(guard);
    if (before !== null && entry.expectedRevision % FOLDED_EVERY === 0) this.#decidesTheSame(entry, before);
    if (entry.rollout !== null && ['resume', 'promote', 'weight'].includes(entry.kind))
      this.#memory.held.delete(entry.rollout);
    for (const { id } of entry.commands) this.#pending.add(id);
    for (const id of entry.finished) this.#pending.delete(id);
    const records = entry.documents
      .filter(({ kind }) => kind === 'rollout')
      .map(({ value }) => value as unknown as RolloutRecord);
    for (const record of records) this.#recorded(entry.aggregate, record);
    const state = entry.state as unknown as ServiceState | null;
    if (state === null) {
      this.expected.delete(entry.aggregate);
      for (const id of this.#pending) if (id.startsWith(`${entry.aggregate}/`)) this.#pending.delete(id);
    }
    const open = [...this.#rollouts].filter(
      ([id, { outcome, releaseId }]) =>
        outcome === null &&
        id !== state?.rollout?.next?.rollout &&
        releaseId.startsWith(`${entry.aggregate}/`),
    );
    if (open.length > 1) this.#breach(`two rollouts at once: ${open.map(([id]) => id).join(', ')}`);
    if (open.length > 0 && state?.rollout?.id !== open[0]![0])
      this.#breach(`${open[0]![0]} is not over, and nothing is under way`);
  }

  /** What is recorded as proven is what the proxy has. */
  #isProven({ aggregate, kind, event }: JournalEntry): void {
    if (kind !== 'routeProven') return;
    const { revision } = event as { readonly revision: number };
    const has = this.#world.proxy.routes.get(aggregate)?.revision ?? 0;
    const forgot = this.#memory.struckSince(['proxy forgets'], this.#world.time.monotonicMs - FELT_MS);
    if (has < revision && !forgot)
      this.#breach(`route ${revision} is recorded as proven, and the proxy uses ${has}`);
  }

  outcomeOf(rollout: string): Outcome | null {
    return this.#rollouts.get(rollout)?.outcome ?? null;
  }

  atRest(): void {
    for (const [id, { outcome }] of this.#rollouts)
      if (outcome === null) this.#breach(`${id} has no outcome at rest`);
  }

  /** Commands that were committed and have no result. */
  get pending(): readonly string[] {
    return [...this.#pending];
  }

  /** A decision is a function of what is stored: state and event, both as text. */
  #decidesTheSame(entry: JournalEntry, before: ServiceState): void {
    const event = JSON.parse(JSON.stringify(entry.event)) as RolloutEvent;
    const answer = transition(JSON.parse(JSON.stringify(before)) as ServiceState, event);
    const state = answer.kind === 'turn' && !answer.turn.gone ? answer.turn.state : null;
    if (answer.kind !== 'turn' || JSON.stringify(state) !== JSON.stringify(entry.state))
      this.#breach(`${entry.kind}: the same event decides otherwise when it is folded again`);
  }

  #recorded(service: string, { rollout, ending, endedAtMs }: RolloutRecord): void {
    const known = this.#rollouts.get(rollout.id) ?? this.#begun(rollout);
    this.#rollouts.set(rollout.id, known);
    if (known.plan !== JSON.stringify(rollout.plan))
      this.#breach(`the plan of ${rollout.id} was changed under way`);
    if (known.outcome !== null)
      this.#breach(`${rollout.id} was over (${known.outcome}) and is recorded again`);
    if (endedAtMs === null || ending === null) return;
    known.outcome = ending.outcome;
    if (ending.outcome === 'done') this.expected.set(service, rollout.releaseId);
    const why = this.#unexplained(known, { outcome: ending.outcome, cause: ending.cause });
    if (why !== null) this.#breach(`${rollout.label} ended ${ending.outcome} (${ending.cause}), and ${why}`);
  }

  #begun(rollout: RolloutRecord['rollout']): Known {
    return {
      releaseId: rollout.releaseId,
      plan: JSON.stringify(rollout.plan),
      checksAgain: rollout.plan.steps.some(
        (step) => step.kind === 'verify' && step.checks.every(({ attempts }) => attempts >= LATE_AT),
      ),
      asksOrBacks:
        rollout.plan.whenUnsure.then !== 'advance' || rollout.plan.steps.some(({ kind }) => kind === 'ask'),
      reboots: this.#memory.reboots,
      sinceMs: this.#world.time.monotonicMs - MOST_LATE_MS,
      isCaught:
        rollout.from !== null &&
        ['good', 'slow-start'].includes(natureOf(rollout.from.label)) &&
        isCaught(natureOf(rollout.releaseId), rollout.plan),
      outcome: null,
    };
  }

  /** What would have to have happened for such an end, and did not; or null. */
  #unexplained(
    known: Known,
    { outcome, cause }: Pick<NonNullable<RolloutRecord['ending']>, 'outcome' | 'cause'>,
  ): string | null {
    const nature = natureOf(known.releaseId);
    const isSaved = nature === 'dying' && this.#world.isSaved(known.releaseId);
    const isExcused = this.#memory.struckSince(EXCUSES[cause], known.sinceMs - FELT_MS);
    const isGood = nature === 'good' || nature === 'slow-start';
    const wasTyped = (...verbs: readonly Typed[]): boolean =>
      verbs.some((verb) => this.#memory.wasTyped(verb, known.sinceMs));
    switch (cause) {
      case 'promoted':
        if (outcome !== 'done') return 'promoted is not an end of that kind';
        if (nature === 'never-ready' || nature === 'no-start') return 'it can never be ready';
        if (!known.isCaught || isExcused || isSaved) return null;
        return wasTyped('promote', 'promote-full', 'weight', 'resume') ? null : `it is ${nature}`;
      case 'harmful':
      case 'severe':
      case 'watch':
        return isGood && !isExcused ? 'nothing was wrong with it' : null;
      case 'verify':
        if (nature === 'verified-late' && (isExcused || !known.checksAgain)) return null;
        return nature === 'unverified' ? null : 'its checks hold';
      case 'start':
      case 'gate':
        return isGood && !isExcused ? 'it could start' : null;
      case 'person':
        return wasTyped('abort', 'rollback') ? null : 'nobody asked for it';
      case 'superseded':
        return wasTyped('supersede') ? null : 'nothing superseded it';
      case 'machine':
        return this.#memory.reboots > known.reboots ? null : 'the machine was not restarted';
      case 'route':
        return isExcused ? null : 'the proxy worked';
      case 'unsure':
        return known.asksOrBacks || isExcused ? null : 'there was nothing to doubt';
    }
  }
}
