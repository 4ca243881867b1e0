import type { Json } from '../lib/json.ts';
import type { Freeze } from '../rollout/guard.ts';
import type { Document } from './engine.ts';
import type { Ports } from './ports.ts';
import type { TokenRecord } from './token-record.ts';

/** The aggregate of what belongs to no service. No service can have this name: it is reserved. */
export const SERVER = '(server)';

/** What is true of the whole server. */
export type ServerState = {
  readonly bootId?: string;
  readonly freezes?: readonly Freeze[];
  readonly tokens?: readonly TokenRecord[];
  readonly troubles?: readonly StandingTrouble[];
};

/** What people were told of and is not over. */
export type StandingTrouble = {
  readonly key: string;
  readonly kind: 'down' | 'certificate';
  readonly service: string;
  readonly subject: string;
  readonly isBad: boolean;
  /** When it was told first, by the wall clock. */
  readonly sinceMs: number;
  /** Its name in messages. */
  readonly trouble: string;
};

export type ServerEvent = {
  readonly kind: string;
  readonly actor: string;
  readonly says: readonly string[];
  readonly more?: { readonly [key: string]: Json };
};

/** What belongs to no service, as the journal has it. */
export class ServerAggregate {
  readonly #ports: Pick<Ports, 'journal' | 'clock'>;
  #revision = 0;
  #state: ServerState = {};

  constructor(ports: Pick<Ports, 'journal' | 'clock'>) {
    this.#ports = ports;
  }

  get state(): ServerState {
    return this.#state;
  }

  load(revision: number, state: ServerState): void {
    this.#revision = revision;
    this.#state = state;
  }

  /** One transaction; `change` is what is new of the state. */
  commit(
    what: ServerEvent,
    change: ServerState = {},
    documents: readonly (Document & { readonly aggregate: string })[] = [],
  ): void {
    const state = { ...this.#state, ...change };
    const { revision } = this.#ports.journal.commit({
      aggregate: SERVER,
      expectedRevision: this.#revision,
      atMs: this.#ports.clock.nowMs(),
      actor: what.actor,
      rollout: null,
      kind: what.kind,
      event: { says: what.says, ...what.more },
      state,
      commands: [],
      finished: [],
      documents,
    });
    this.#revision = revision;
    this.#state = state;
  }
}
