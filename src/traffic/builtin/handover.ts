import type { ReplicaHealth } from '../prober.ts';
import type { ServiceState } from '../state-store.ts';
import type { ControlCall } from './control-protocol.ts';
import type { LedgerCopy } from './ledger.ts';
import type { Answer, Ask, ServiceCounts, Suspicion, ToWorker } from './messages.ts';
import type { ServiceLedgerCopy } from './service-ledger.ts';

/**
 * What a proxy and the one that takes its place say to each other, in JSON over the channel between a process and its child:
 * the only one over which Node passes sockets. Either may be of another version than the other; what is changed here in a way
 * that the other cannot read, changes the version, and then the running proxy stays.
 */
export const HANDOVER_VERSION = 1;

/** From the running proxy. In this order, up to `commit`; then what its workers still do. */
export type ToSuccessor =
  | {
      readonly kind: 'begin';
      readonly version: number;
      readonly pid: number;
      readonly health: readonly ReplicaHealth[];
      /** Base64. */
      readonly ticketKeys: string;
    }
  /** Nothing is changed from here on. */
  | { readonly kind: 'states'; readonly states: readonly ServiceState[] }
  | { readonly kind: 'ledger'; readonly ledger: LedgerCopy }
  | { readonly kind: 'serviceLedger'; readonly service: string; readonly copy: ServiceLedgerCopy }
  /** Each comes with its socket. */
  | { readonly kind: 'socket'; readonly listener: string }
  | { readonly kind: 'holdSocket'; readonly port: number }
  | { readonly kind: 'all' }
  | { readonly kind: 'commit' }
  /** All of its workers have told what they counted up to this second. */
  | { readonly kind: 'counts'; readonly second: number; readonly services: readonly ServiceCounts[] }
  /** A worker died with counts that nobody has. */
  | { readonly kind: 'lost' }
  | Suspicion
  | { readonly kind: 'accessLogFull'; readonly service: string }
  | { readonly kind: 'answers'; readonly id: number; readonly answers: readonly Answer[] }
  | { readonly kind: 'holdAnswer'; readonly id: number; readonly waiting: number }
  /** Nothing of it is left. */
  | { readonly kind: 'gone' };

/** From the one that takes its place. */
export type ToFormer =
  /** Up to here nothing of it shows. */
  | { readonly kind: 'prepared'; readonly version: number }
  /** Its workers listen. */
  | { readonly kind: 'serving' }
  /** Whoever asks for the proxy gets this one. */
  | { readonly kind: 'committed' }
  /** Why it does not take the place. */
  | { readonly kind: 'refused'; readonly why: string }
  | { readonly kind: 'ask'; readonly id: number; readonly ask: Ask }
  | { readonly kind: 'tell'; readonly message: Extract<ToWorker, { kind: 'health' }> }
  | { readonly kind: 'hold'; readonly id: number; readonly call: HoldCall }
  | { readonly kind: 'stop'; readonly graceMs: number };

/** What is to be obeyed by whoever waits in the former proxy, too. */
export type HoldCall = Extract<ControlCall, { op: 'holdSet' | 'holdWaiting' | 'holdClose' }>;

/** One end of the channel: `process` in the child, the child in its parent. */
export type ChannelEnd = {
  readonly connected: boolean;
  send?(message: object, handle: unknown, options: object, done: (error: Error | null) => void): boolean;
  on(event: 'message', listener: (message: unknown, handle: unknown) => void): unknown;
  once(event: 'disconnect', listener: () => void): unknown;
};

/** What is said between the two, in order. */
export class HandoverLine<Out extends { readonly kind: string }, In extends { readonly kind: string }> {
  readonly #end: ChannelEnd;

  constructor(end: ChannelEnd, heard: (message: In, handle: unknown) => void, onBroken: () => void) {
    this.#end = end;
    end.on('message', (message, handle) => heard(message as In, handle));
    end.once('disconnect', onBroken);
  }

  get isWhole(): boolean {
    return this.#end.connected;
  }

  /** What cannot be said is noticed by the end of the line. */
  say(message: Out, handle?: unknown): void {
    if (this.#end.connected) this.#end.send!(message, handle, {}, () => {});
  }

  /** Resolves when everything that was said has left this process. */
  flushed(last: Out): Promise<void> {
    return new Promise((resolve) => {
      if (this.#end.connected) this.#end.send!(last, undefined, {}, () => resolve());
      else resolve();
    });
  }
}
