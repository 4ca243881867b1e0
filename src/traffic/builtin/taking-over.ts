import type { ReplicaHealth } from '../prober.ts';
import type { ServiceState } from '../state-store.ts';
import type { SlotName } from '../../release/slot.ts';
import { Former } from './former.ts';
import type { FleetOptions } from './fleet.ts';
import { FORMER_VARIABLE } from './giving-way.ts';
import { HANDOVER_VERSION, HandoverLine, type ToFormer, type ToSuccessor } from './handover.ts';
import type { Ledger } from './ledger.ts';
import type { ListeningHandle } from './listeners.ts';

/** Whom the former proxy's workers talk to: the same as ours do. */
export type FormersWords = Pick<
  FleetOptions,
  'onCounts' | 'onSuspect' | 'onAccessLogFull' | 'onDeath' | 'log'
>;

type Begin = Extract<ToSuccessor, { kind: 'begin' }>;

/** All that the former proxy handed over. */
export type HandedOver = {
  readonly states: readonly ServiceState[];
  readonly sockets: Map<string, ListeningHandle>;
  /** Where requests of other proxies wait. */
  readonly holdSockets: Map<number, ListeningHandle>;
};

/** Whether this process was started to take the place of a running proxy. */
export function hasFormer(): boolean {
  return process.env[FORMER_VARIABLE] !== undefined && process.send !== undefined;
}

/** Takes the place of the proxy that started this process; `giving-way.ts` is the other side. */
export class TakingOver {
  readonly former: Former;
  readonly #begin = Promise.withResolvers<Begin>();
  readonly #all = Promise.withResolvers<HandedOver>();
  readonly #commit = Promise.withResolvers<void>();
  readonly #line: HandoverLine<ToFormer, ToSuccessor>;
  readonly #words: FormersWords;
  readonly #ledger: Ledger;
  readonly #sockets = new Map<string, ListeningHandle>();
  readonly #holdSockets = new Map<number, ListeningHandle>();
  #health: readonly ReplicaHealth[] = [];
  #states: readonly ServiceState[] = [];

  constructor(ledger: Ledger, words: FormersWords) {
    // None of our workers is anybody's successor.
    delete process.env[FORMER_VARIABLE];
    this.#ledger = ledger;
    this.#words = words;
    this.#line = new HandoverLine<ToFormer, ToSuccessor>(
      process,
      (message, handle) => this.#hear(message, handle as ListeningHandle),
      () => this.#lineBroke(),
    );
    this.former = new Former(this.#line, words.log);
    for (const { promise } of [this.#begin, this.#all, this.#commit]) promise.catch(() => {});
  }

  /** What is known before anything is frozen. */
  async begun(): Promise<{ readonly health: readonly ReplicaHealth[]; readonly ticketKeys: Buffer }> {
    const { version, health, ticketKeys, pid } = await this.#begin.promise;
    if (version !== HANDOVER_VERSION) {
      const why = `this one knows version ${HANDOVER_VERSION} of the handover, not ${version}`;
      await this.refuse(why);
      throw new Error(why);
    }
    this.former.pid = pid;
    this.#health = health;
    return { health, ticketKeys: Buffer.from(ticketKeys, 'base64') };
  }

  wasHealthy = (service: string, slot: SlotName, replica: number): boolean =>
    this.#health.some(
      (each) => each.healthy && each.service === service && each.slot === slot && each.replica === replica,
    );

  /** From now on the former one changes nothing and hands over. */
  handedOver(): Promise<HandedOver> {
    this.#line.say({ kind: 'prepared', version: HANDOVER_VERSION });
    return this.#all.promise;
  }

  /** Our workers listen. Resolves when this is to be the proxy, as it also is when the former one died meanwhile. */
  committed(): Promise<void> {
    this.#line.say({ kind: 'serving' });
    return this.#commit.promise;
  }

  done(): void {
    this.#line.say({ kind: 'committed' });
  }

  async refuse(why: string): Promise<void> {
    await this.#line.flushed({ kind: 'refused', why });
  }

  #hear(message: ToSuccessor, handle: ListeningHandle): void {
    switch (message.kind) {
      case 'begin':
        this.#begin.resolve(message);
        break;
      case 'states':
        this.#states = message.states;
        break;
      case 'ledger':
        this.#ledger.goOnFrom(message.ledger);
        break;
      case 'serviceLedger':
        this.#ledger.takeService(message.service, message.copy);
        break;
      case 'socket':
        this.#sockets.set(message.listener, handle);
        break;
      case 'holdSocket':
        this.#holdSockets.set(message.port, handle);
        break;
      case 'all':
        this.former.begin();
        this.#all.resolve({
          states: this.#states,
          sockets: this.#sockets,
          holdSockets: this.#holdSockets,
        });
        break;
      case 'commit':
        this.#commit.resolve();
        break;
      case 'counts':
        this.former.countedSecond = message.second;
        this.#words.onCounts(message);
        break;
      case 'lost':
        this.#words.onDeath();
        break;
      case 'suspect':
        this.#words.onSuspect(message);
        break;
      case 'accessLogFull':
        this.#words.onAccessLogFull(message.service);
        break;
      case 'answers':
        this.former.answered(message.id, message.answers);
        break;
      case 'holdAnswer':
        this.former.holdAnswered(message.id, message.waiting);
        break;
      case 'gone':
        this.former.end();
        break;
    }
  }

  /** It said that nothing is left of it, or it died with what it had in flight. */
  #lineBroke(): void {
    const died = new Error('the former proxy died before everything was handed over');
    this.#begin.reject(died);
    this.#all.reject(died);
    if (this.former.isLeft) {
      this.#words.log('the former proxy died: what it had in flight is gone, and its last counts are');
      this.#words.onDeath();
    }
    this.former.end();
    this.#commit.resolve();
  }
}
