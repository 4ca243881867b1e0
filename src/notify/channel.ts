import type { ChannelKind } from '../release/notify-channel.ts';
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

export type Sent = (
  | { readonly ok: true; readonly thread: string | null }
  /** `again`: it may go better later; `afterMs`: not before, by the receiver's own word. */
  | { readonly ok: false; readonly why: string; readonly again: boolean; readonly afterMs: number | null }
) & {
  /** What the receiver answered: of HTTP or SMTP. Absent: nothing, or it is not known. */
  readonly status?: number;
};

/** What came of a test message. */
export type Tried = {
  readonly channel: string;
  readonly kind: string;
  readonly ok: boolean;
  /** Null where it was taken. */
  readonly why: string | null;
  /** What the receiver answered, of HTTP or SMTP; null: nothing, or it is not known. */
  readonly status: number | null;
  readonly tookMs: number;
};

/** A channel as the settings show it. */
export type ChannelView = {
  readonly name: string;
  readonly kind: ChannelKind;
  /** Where it goes: host, and port where one is named. Null: its secret cannot be read. */
  readonly host: string | null;
  /** What is wrong with its secrets; null: nothing. */
  readonly trouble: string | null;
  /** Null: about every service. */
  readonly services: readonly string[] | null;
  readonly about: 'all' | 'waits';
  readonly timeoutMs: number;
  readonly counts: ChannelCount['counts'];
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
