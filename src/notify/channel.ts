import type { Message } from './message.ts';

/** Where people are told. One message at a time; whoever asks sees to order, repetition and time. */
export type Channel = {
  readonly name: string;
  readonly kind: string;
  /**
   * Sends it, or says why not. Never throws, ends soon after the signal is aborted, and names neither a token nor the path of
   * an address in `why`. `thread` is what the service gave for an earlier message of the same rollout, or null.
   */
  send(message: Message, thread: string | null, signal: AbortSignal): Promise<Sent>;
};

export type Sent =
  | { readonly ok: true; readonly thread: string | null }
  /** `again`: it may go better later; `afterMs`: not before, by the receiver's own word. */
  | { readonly ok: false; readonly why: string; readonly again: boolean; readonly afterMs: number | null };

/** What came of a test message. */
export type Tried = {
  readonly channel: string;
  readonly kind: string;
  readonly ok: boolean;
  /** Null where it was taken. */
  readonly why: string | null;
};

export type Notifier = {
  /** Sends a test message to the channel of this name, or to all of them. Error: NOTIFY_UNKNOWN. */
  test(channel: string | null): Promise<readonly Tried[]>;
};

/** What became of the messages to one channel since this server began. `dropped`: too old when their turn came. */
export type ChannelCount = {
  readonly channel: string;
  readonly kind: string;
  readonly counts: Readonly<Record<'sent' | 'failed' | 'dropped', number>>;
};
