import { assert } from '../lib/assert.ts';
import { messageOf, OperatingError } from '../lib/errors.ts';
import type { Json } from '../lib/json.ts';
import type { Command, IssuedCommand } from '../rollout/command.ts';
import type { RolloutEvent } from '../rollout/event.ts';
import type { ServiceState } from '../rollout/state.ts';
import { isRecorded, transition } from '../rollout/transition.ts';
import type { Turn } from '../rollout/turn.ts';
import type { Answer } from '../rollout/verbs.ts';
import type { Ports } from './ports.ts';
import { recordOf, waitingRecords, type RolloutRecord } from './records.ts';
import type { EventView } from './views.ts';

export type Bare<E> = E extends unknown ? Omit<E, 'atMs' | 'actor'> : never;
export type BareEvent = Bare<RolloutEvent>;
export type Document = { readonly kind: string; readonly key: string; readonly value: Json };

/** What the engine tells after a commit. */
export type EngineListener = {
  /** Commands that were committed and are to be done. */
  commands(service: string, commands: readonly IssuedCommand[]): void;
  event(view: EventView): void;
  /** Decided, not recorded or recorded: the state is new. */
  changed(service: string, before: ServiceState, turn: Turn): void;
};

/** The aggregate of what belongs to no service. No service can have this name: it is reserved. */
const SERVER = '(server)';

type Entry = { state: ServiceState; revision: number; finished: string[] };

/**
 * The only writer of service states: decides, commits, then tells. One event at a time (it is synchronous), so one
 * service is never advanced twice at once. What is not in the journal did not happen.
 */
export class Engine {
  readonly #ports: Ports;
  readonly #entries = new Map<string, Entry>();
  #server: { readonly revision: number; readonly state: Json } = { revision: 0, state: {} };
  #listener: EngineListener | null = null;
  /** Added to the documents of a commit: the judge's last word on a rollout. */
  #evidence: (rollout: string) => Pick<RolloutRecord, 'verdict' | 'traffic'> = () => ({
    verdict: null,
    traffic: null,
  });

  constructor(ports: Ports) {
    this.#ports = ports;
  }

  /** Takes up what the journal holds. Returns the commands without a result, oldest first. */
  load(): readonly { readonly service: string; readonly commands: readonly IssuedCommand[] }[] {
    return this.#ports.journal.load().flatMap(({ aggregate, revision, state, pending }) => {
      if (aggregate === SERVER) {
        this.#server = { revision, state };
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

  listen(
    listener: EngineListener,
    evidence: (rollout: string) => Pick<RolloutRecord, 'verdict' | 'traffic'>,
  ): void {
    this.#listener = listener;
    this.#evidence = evidence;
  }

  services(): readonly ServiceState[] {
    return [...this.#entries.values()].map((entry) => entry.state);
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

  /** Begins a service: its state and its door. */
  create(state: ServiceState, actor: string, documents: readonly Document[]): void {
    assert(!this.#entries.has(state.service), `${state.service} exists already`);
    const counter = state.counter + 1;
    const created = { ...state, counter };
    const commands: IssuedCommand[] = [
      { id: `${state.service}/${counter}`, command: { kind: 'installDoor' } },
    ];
    const event = { kind: 'created', says: [`service ${state.service} is new`] };
    this.#commit(
      { state: created, revision: 0, finished: [] },
      {
        actor,
        atMs: this.#ports.clock.nowMs(),
        kind: 'created',
        event,
        rollout: null,
        state: created,
        commands,
        documents,
      },
    );
    this.#tell(created.service, commands);
  }

  /**
   * Decides one event and makes it durable. `finished` names commands that are over with it. Errors: SERVICE_UNKNOWN,
   * JOURNAL_FULL (nothing was written, nothing changed).
   */
  post(
    service: string,
    bare: BareEvent,
    actor: string,
    extra: { readonly finished?: readonly string[]; readonly documents?: readonly Document[] } = {},
  ): Answer {
    const before = this.state(service);
    const entry = this.#entries.get(service)!;
    const event = { ...bare, atMs: this.#ports.clock.nowMs(), actor };
    const answer = transition(before, event);
    const turn = answer.kind === 'turn' ? answer.turn : null;
    const finished = [...entry.finished, ...(extra.finished ?? [])];
    if (turn === null) return answer;
    if (isRecorded(before, turn) || finished.length > 0 || extra.documents !== undefined) {
      const documents = [...(extra.documents ?? []), ...this.#rolloutDocuments(before, turn)];
      this.#commit(
        { ...entry, finished },
        {
          actor,
          atMs: event.atMs,
          kind: event.kind,
          event: { ...event, says: turn.says },
          rollout: turn.state.rollout?.id ?? before.rollout?.id ?? null,
          state: turn.gone ? null : turn.state,
          commands: turn.commands,
          documents,
        },
      );
    }
    this.#listener?.changed(service, before, turn);
    this.#tell(service, turn.commands);
    return answer;
  }

  /** Keeps a document that belongs to no decision: a plan, the answer of an idempotent request. */
  note(document: Document, aggregate: string, actor: string): void {
    this.#commitServer(
      { kind: `${document.kind} kept`, actor, says: [`${document.kind} ${document.key}`] },
      this.#server.state,
      [{ ...document, aggregate }],
    );
  }

  /** Whether the machine was restarted since the journal was last used here. */
  noteBoot(bootId: string): boolean {
    const known = (this.#server.state as { readonly bootId?: string }).bootId;
    if (known === bootId) return false;
    const says = [known === undefined ? 'first start' : 'the machine was restarted'];
    this.#commitServer({ kind: 'booted', actor: 'bascule', says }, { bootId }, []);
    return known !== undefined;
  }

  #commitServer(
    what: { readonly kind: string; readonly actor: string; readonly says: readonly string[] },
    state: Json,
    documents: readonly (Document & { readonly aggregate: string })[],
  ): void {
    const { revision } = this.#ports.journal.commit({
      aggregate: SERVER,
      expectedRevision: this.#server.revision,
      atMs: this.#ports.clock.nowMs(),
      actor: what.actor,
      rollout: null,
      kind: what.kind,
      event: { says: what.says },
      state,
      commands: [],
      finished: [],
      documents,
    });
    this.#server = { revision, state };
  }

  /** Marks a command as over with the next recorded event (a route that a newer one replaced). */
  finishLater(service: string, command: string): void {
    this.#entries.get(service)?.finished.push(command);
  }

  #rolloutDocuments(before: ServiceState, turn: Turn): readonly Document[] {
    const documents: Document[] = [];
    if (turn.ended !== null) {
      const { rollout, ending } = turn.ended;
      const record = recordOf(
        { ...rollout, ending },
        ending,
        this.#ports.clock.nowMs(),
        this.#evidence(rollout.id),
      );
      documents.push({ kind: 'rollout', key: rollout.id, value: record });
    }
    const { rollout } = turn.state;
    if (rollout !== null && rollout !== before.rollout) {
      const record = recordOf(rollout, null, null, this.#evidence(rollout.id));
      documents.push({ kind: 'rollout', key: rollout.id, value: record });
    }
    for (const record of waitingRecords(before, turn.state, this.#ports.clock.nowMs()))
      documents.push({ kind: 'rollout', key: record.rollout.id, value: record });
    return documents;
  }

  #commit(
    entry: Entry,
    change: {
      readonly actor: string;
      readonly atMs: number;
      readonly kind: string;
      readonly event: unknown;
      readonly rollout: string | null;
      readonly state: ServiceState | null;
      readonly commands: readonly IssuedCommand[];
      readonly documents: readonly Document[];
    },
  ): void {
    const service = change.state?.service ?? entry.state.service;
    const { seq, revision } = this.#ports.journal.commit({
      aggregate: service,
      expectedRevision: entry.revision,
      atMs: change.atMs,
      actor: change.actor,
      rollout: change.rollout,
      kind: change.kind,
      event: change.event as Json,
      state: change.state,
      commands: change.commands.map(({ id, command }) => ({ id, command: command as unknown as Json })),
      finished: entry.finished,
      documents: change.documents.map((document) => ({ ...document, aggregate: service })),
    });
    if (change.state === null) this.#entries.delete(service);
    else this.#entries.set(service, { state: change.state, revision, finished: [] });
    const { says } = change.event as { readonly says: readonly string[] };
    this.#ports.log.info(
      { seq, service, rollout: change.rollout, kind: change.kind },
      says.join('; ') || change.kind,
    );
    const { atMs, rollout, actor, kind } = change;
    this.#listener?.event({ seq, atMs, service, rollout, actor, kind, says });
  }

  #tell(service: string, commands: readonly IssuedCommand[]): void {
    if (commands.length === 0) return;
    try {
      this.#listener?.commands(service, commands);
    } catch (error) {
      this.#ports.log.error({ service }, `a listener failed: ${messageOf(error)}`);
    }
  }
}
