import { assert } from '../lib/assert.ts';
import { messageOf, OperatingError } from '../lib/errors.ts';
import type { Json } from '../lib/json.ts';
import type { Command, IssuedCommand } from '../rollout/command.ts';
import type { RolloutEvent } from '../rollout/event.ts';
import { isOn, type Freeze } from '../rollout/guard.ts';
import { noticesOf } from '../rollout/notices.ts';
import { newRollout } from '../rollout/new-rollout.ts';
import { replicasFor } from '../rollout/places.ts';
import { routeOf } from '../rollout/route.ts';
import { slotWithRole, type ServiceState } from '../rollout/state.ts';
import { isRecorded, transition } from '../rollout/transition.ts';
import type { Turn } from '../rollout/turn.ts';
import { unrecorded } from '../rollout/unrecorded.ts';
import type { Answer } from '../rollout/answer.ts';
import type { Route } from '../traffic/router.ts';
import type { Ports } from './ports.ts';
import type { Moment } from './allowed.ts';
import { firstFailures } from './first-failures.ts';
import type { Origin } from './origin.ts';
import { NO_EVIDENCE, evidenceOf, recordOf, type Evidence, type RolloutRecord } from './records.ts';
import {
  SERVER,
  ServerAggregate,
  type ServerEvent,
  type ServerState,
  type StandingTrouble,
} from './server-state.ts';
import type { TokenRecord } from './token-record.ts';
import { Turns } from './turns.ts';
import type { EventView } from './views.ts';

export type Bare<E> = E extends unknown ? Omit<E, 'atMs' | 'wallMs' | 'actor'> : never;
export type BareEvent = Bare<RolloutEvent>;
export type Document = { readonly kind: string; readonly key: string; readonly value: Json };

/** What the engine tells after a commit. */
export type EngineListener = {
  /** Commands that were committed and are to be done. */
  commands(service: string, commands: readonly IssuedCommand[]): void;
  event(view: EventView): void;
  /** The state is new. */
  changed(service: string, turn: Turn): void;
  /** Traffic is to be sent back although the journal has no room for it. */
  backUnrecorded(route: Route): void;
};

type Entry = { state: ServiceState; revision: number; finished: string[] };
/** Written with an event: commands that are over with it, documents that follow from its turn. */
export type Extra = {
  /** Who asked by which verb, for the audit; not there where nobody asked. */
  readonly origin?: Origin;
  readonly finished?: readonly string[];
  readonly documents?: (turn: Turn) => readonly Document[];
};
type Scheduled = { frozen(service: string, wallMs: number): readonly Freeze[] };
type Owed = { readonly bare: BareEvent; readonly actor: string; readonly extra: Extra };

/**
 * The only writer of service states: decides, commits, then tells. One event at a time (it is synchronous), so one
 * service is never advanced twice at once. What is not in the journal did not happen.
 */
export class Engine {
  readonly #ports: Ports;
  readonly #turns: Turns;
  readonly #entries = new Map<string, Entry>();
  readonly #server: ServerAggregate;
  /** Freezes out of the server file that are on. */
  #scheduled: Scheduled = { frozen: () => [] };
  #listener: EngineListener | null = null;
  /** Added to the documents of a commit: the judge's last word on a rollout. */
  #evidence: (rollout: string) => Evidence = () => NO_EVIDENCE;
  /** Ways back that were done and not recorded, by service. */
  readonly #owed = new Map<string, Owed>();

  constructor(ports: Ports) {
    this.#ports = ports;
    this.#turns = new Turns(ports);
    this.#server = new ServerAggregate(ports);
  }

  /** For what was seen, and what became of commands: resolves when it may be posted without holding up all else. */
  turn(): Promise<void> {
    return this.#turns.next();
  }

  /** Takes up what the journal holds. Returns the commands without a result, oldest first. */
  load(): readonly { readonly service: string; readonly commands: readonly IssuedCommand[] }[] {
    return this.#ports.journal.load().flatMap(({ aggregate, revision, state, pending }) => {
      if (aggregate === SERVER) {
        this.#server.load(revision, state as unknown as ServerState);
        return [];
      }
      this.#entries.set(aggregate, { state: state as unknown as ServiceState, revision, finished: [] });
      return [
        {
          service: aggregate,
          commands: pending.map(({ id, command }) => ({ id, command: command as unknown as Command })),
        },
      ];
    });
  }

  listen(listener: EngineListener, evidence: (rollout: string) => Evidence): void {
    this.#listener = listener;
    this.#evidence = evidence;
  }

  freezeBy(scheduled: Scheduled): void {
    this.#scheduled = scheduled;
  }

  /** Now, by both clocks, and the freezes of the whole server that are on for this service. */
  moment(service: string): Moment {
    const now = this.#now();
    const frozen = [...this.serverFreezes(now.wallMs), ...this.#scheduled.frozen(service, now.wallMs)];
    return frozen.length === 0 ? now : { ...now, frozen };
  }

  #now(): Pick<Moment, 'atMs' | 'wallMs'> {
    return { atMs: this.#ports.clock.steadyMs(), wallMs: this.#ports.clock.nowMs() };
  }

  /** Those by people on every service that are on. */
  serverFreezes(wallMs: number): readonly Freeze[] {
    return (this.#server.state.freezes ?? []).filter((freeze) => isOn(freeze, wallMs));
  }

  services(): readonly ServiceState[] {
    return [...this.#entries.values()].map((entry) => entry.state);
  }

  /** One after another, without a list of all. */
  *each(): Iterable<ServiceState> {
    for (const { state } of this.#entries.values()) yield state;
  }

  find(service: string): ServiceState | null {
    return this.#entries.get(service)?.state ?? null;
  }

  /** Error: SERVICE_UNKNOWN. */
  state(service: string): ServiceState {
    const state = this.find(service);
    if (state !== null) return state;
    const known = [...this.#entries.keys()].sort().join(', ');
    throw new OperatingError(
      'SERVICE_UNKNOWN',
      `there is no service "${service}" here. ${known === '' ? 'None was deployed yet.' : `Known: ${known}.`}`,
      {
        retryable: false,
      },
    );
  }

  /** Begins a service with its first event, both in one commit: its door is made, and nothing is there without the event. */
  create(state: ServiceState, bare: BareEvent, actor: string, extra: Extra = {}): Answer {
    assert(!this.#entries.has(state.service), `${state.service} exists already`);
    const first: Command[] = [{ kind: 'installDoor' }, ...adopting(state)];
    const counter = state.counter + first.length;
    const event = { ...bare, ...this.moment(state.service), actor };
    const answer = transition({ ...state, counter }, event);
    if (answer.kind !== 'turn') return answer;
    const issued = first.map((command, index) => ({
      id: `${state.service}/${state.counter + index + 1}`,
      command,
    }));
    const turn = {
      ...answer.turn,
      commands: [...issued, ...answer.turn.commands],
      says: [`service ${state.service} is new`, ...answer.turn.says],
    };
    this.#record({ state, revision: 0, finished: [] }, turn, { event, extra });
    return answer;
  }

  /**
   * Decides one event and makes it durable. Errors: SERVICE_UNKNOWN; JOURNAL_FULL: nothing was written, and nothing changed
   * but that a way back moves the traffic all the same, and is recorded as soon as there is room. JOURNAL_FAILED and
   * JOURNAL_CORRUPT likewise, but for good: a new controller finds the proxy ahead of its journal.
   */
  post(service: string, bare: BareEvent, actor: string, extra: Extra = {}): Answer {
    const owed = this.#owed.get(service);
    if (owed !== undefined) {
      // First things first: what was done must be in the journal before anything that follows from it.
      this.#owed.delete(service);
      this.post(service, owed.bare, owed.actor, owed.extra);
    }
    const before = this.state(service);
    const entry = this.#entries.get(service)!;
    const event = { ...bare, ...this.moment(service), actor };
    const answer = transition(before, event);
    if (answer.kind !== 'turn') return answer;
    const { turn } = answer;
    const finished = [...entry.finished, ...(extra.finished ?? [])];
    if (isRecorded(before, turn) || finished.length > 0) {
      try {
        this.#record({ ...entry, finished }, turn, { event, extra });
      } catch (error) {
        if (!isUnrecorded(error) || !goesBack(before, turn)) throw error;
        throw this.#backAnyway({ bare, actor, extra }, turn.state, error);
      }
    }
    return answer;
  }

  /** Whether traffic was taken back and that is not recorded yet. */
  owes(service: string): boolean {
    return this.#owed.has(service);
  }

  #backAnyway(owed: Owed, state: ServiceState, cause: OperatingError): OperatingError {
    this.#owed.set(state.service, owed);
    this.#listener?.backUnrecorded(unrecorded(routeOf(state)));
    const next =
      cause.code === 'JOURNAL_FULL'
        ? 'It is recorded as soon as there is room'
        : 'The controller that is started when the disk is mended finds the proxy ahead of its journal, and ends the rollout as aborted';
    return new OperatingError(
      cause.code,
      `All traffic of ${state.service} is sent back now, but that could not be recorded: ${cause.message} ${next}; nothing else of ${state.service} goes on before.`,
      { retryable: cause.retryable, cause },
    );
  }

  /** Keeps a document that belongs to no decision: a plan, the answer of an idempotent request. */
  note(document: Document, aggregate: string, actor: string, origin?: Origin): void {
    const more = { service: aggregate, ...(origin !== undefined && { origin }) };
    const says = [`${document.kind} ${document.key}`];
    this.#server.commit({ kind: `${document.kind} kept`, actor, says, more }, {}, [
      { ...document, aggregate },
    ]);
  }

  /** Boot id of the machine when the journal was last used, or null. */
  get bootId(): string | null {
    return this.#server.state.bootId ?? null;
  }

  /** To be called when every service was told, so that a kill in between tells the rest the next time. */
  noteBoot(bootId: string): void {
    const known = this.bootId;
    if (known === bootId) return;
    const says = [known === null ? 'first start' : 'the machine was restarted'];
    this.#server.commit({ kind: 'booted', actor: 'bascule', says }, { bootId });
  }

  noteProxy(says: string): void {
    this.#server.commit({ kind: 'proxy replaced', actor: 'bascule', says: [says] });
  }

  /** Replaces the freezes that people have put on every service. */
  freezeAll(freezes: readonly Freeze[], what: ServerEvent): void {
    this.#server.commit(what, { freezes });
    for (const { service } of this.services()) this.post(service, { kind: 'clockAdvanced' }, 'bascule');
  }

  tokens(): readonly TokenRecord[] {
    return this.#server.state.tokens ?? [];
  }

  /** Replaces the tokens. What holds here holds for the next start too: they are signed with the rest of the state. */
  keepTokens(tokens: readonly TokenRecord[], what: ServerEvent): void {
    this.#server.commit(what, { tokens });
  }

  troubles(): readonly StandingTrouble[] {
    return this.#server.state.troubles ?? [];
  }

  /** Replaces what people were told of. */
  keepTroubles(troubles: readonly StandingTrouble[], what: ServerEvent): void {
    this.#server.commit(what, { troubles });
  }

  /** A verb that changed nothing, for the audit. */
  noteVerb(what: ServerEvent): void {
    this.#server.commit(what);
  }

  /** Marks a command as over with the next recorded event (a route that a newer one replaced). */
  finishLater(service: string, command: string): void {
    this.#entries.get(service)?.finished.push(command);
  }

  #rolloutDocuments(before: ServiceState | null, turn: Turn): readonly Document[] {
    const records: RolloutRecord[] = [];
    const now = this.#now();
    for (const over of [turn.ended, turn.dropped]) {
      if (over === null) continue;
      const { rollout, ending } = over;
      records.push(recordOf({ ...rollout, ending }, ending, now, this.#evidenceOf(rollout.id)));
    }
    const { rollout } = turn.state;
    if (rollout !== null && rollout !== before?.rollout)
      records.push(recordOf(rollout, null, now, this.#evidenceOf(rollout.id)));
    if (rollout?.next && rollout.next !== before?.rollout?.next)
      records.push(recordOf(newRollout(turn.state, rollout.next, now.atMs), null, now, NO_EVIDENCE));
    return records.map((value) => ({ kind: 'rollout', key: value.rollout.id, value }));
  }

  /** What the judge knows now; after a restart that it has not caught up with, what was last written. */
  #evidenceOf(rollout: string): Evidence {
    const now = this.#evidence(rollout);
    const known = this.#ports.journal.document('rollout', rollout) as unknown as RolloutRecord | undefined;
    if (known === undefined) return now;
    const failed = firstFailures(known.failed ?? [], now.failed ?? []);
    const word = now.verdict === null && now.traffic === null ? evidenceOf(known) : now;
    return failed.length === 0 ? word : { ...word, failed };
  }

  /** One transaction, then everyone is told: first those who act. */
  #record(
    entry: Entry,
    turn: Turn,
    { event, extra }: { readonly event: RolloutEvent; readonly extra: Extra },
  ): void {
    const { service } = entry.state;
    const before = this.#entries.get(service)?.state ?? null;
    const rollout = turn.ended?.rollout.id ?? turn.state.rollout?.id ?? before?.rollout?.id ?? null;
    const documents = [...(extra.documents?.(turn) ?? []), ...this.#rolloutDocuments(before, turn)];
    const { wallMs: atMs, actor, kind } = event;
    const { says, commands } = turn;
    const notices = noticesOf(before, turn);
    const { seq, revision } = this.#ports.journal.commit({
      aggregate: service,
      expectedRevision: entry.revision,
      atMs,
      actor,
      rollout,
      kind,
      event: {
        ...event,
        says,
        ...(extra.origin !== undefined && { origin: extra.origin }),
        // With the event, so that nobody is told what did not happen, or not told what did.
        ...(notices.length > 0 && { notices }),
      },
      state: turn.gone ? null : turn.state,
      commands: commands.map(({ id, command }) => ({ id, command: command as unknown as Json })),
      finished: entry.finished,
      documents: documents.map((document) => ({ ...document, aggregate: service })),
    });
    if (turn.gone) this.#entries.delete(service);
    else this.#entries.set(service, { state: turn.state, revision, finished: [] });
    try {
      if (commands.length > 0) this.#listener?.commands(service, commands);
      this.#listener?.changed(service, turn);
      this.#ports.log.info({ seq, service, rollout, kind }, says.join('; ') || kind);
      this.#listener?.event({ seq, atMs, service, rollout, actor, kind, says });
    } catch (error) {
      this.#ports.log.error({ service }, `a listener failed: ${messageOf(error)}`);
    }
  }
}

/** What was adopted as stable counts from the first on. */
function adopting(state: ServiceState): readonly Command[] {
  const slot = slotWithRole(state, 'stable');
  const releaseId = slot === null ? null : state.slots[slot].releaseId;
  if (slot === null || releaseId === null) return [];
  return [{ kind: 'startSlot', slot, releaseId, replicas: replicasFor(state, slot) }];
}

/** The disk did not take it, for now or for good: no reason to leave people on a bad version. */
function isUnrecorded(error: unknown): error is OperatingError {
  return (
    error instanceof OperatingError &&
    ['JOURNAL_FULL', 'JOURNAL_FAILED', 'JOURNAL_CORRUPT'].includes(error.code)
  );
}

/** Whether this turn is the one that sends traffic back. */
function goesBack(before: ServiceState, turn: Turn): boolean {
  const was = before.rollout;
  const is = turn.state.rollout;
  return was !== null && was.ending === null && is?.id === was.id && is.ending !== null;
}
