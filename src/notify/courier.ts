import { join } from 'node:path';
import { setImmediate as turn } from 'node:timers/promises';
import { formatElapsed } from '../lib/duration.ts';
import { messageOf as wordsOf } from '../lib/errors.ts';
import type { Timers } from '../lib/timers.ts';
import type { ChannelConnection } from '../release/notify-channel.ts';
import type { Channel, Sent } from './channel.ts';
import { messageOf, type Message } from './message.ts';
import { isLast, threadOfNotice, type Notice } from './notice.ts';
import { readPlace, threadOf, withThread, writePlace, type Place } from './place.ts';
import { isWanted } from './wanted.ts';

/** An event of the journal, with what people are to be told about it. */
export type Happened = {
  readonly seq: number;
  readonly mac: string;
  readonly atMs: number;
  readonly notices: readonly Notice[];
};

export type CourierParts = {
  /** What was recorded after `seq`, oldest first, at most `limit`. */
  readonly after: (seq: number, limit: number) => readonly Happened[];
  /** The newest one; 0 for none. */
  readonly head: () => number;
  readonly timers: Timers;
  readonly nowMs: () => number;
  readonly warn: (fields: Readonly<Record<string, unknown>>, message: string) => void;
  /** Where each channel's place is kept. */
  readonly directory: string;
  readonly count: (channel: Channel, what: Counted) => void;
  readonly limits?: Partial<Limits>;
};

/** `dropped`: too old when its turn came. */
export type Counted = 'sent' | 'failed' | 'dropped';

export type Limits = {
  /** Waits between the attempts for one message; then it is given up. */
  readonly backOffMs: readonly number[];
  /** What is older when its turn comes is not sent: after an outage people want to know what is, not all that was. */
  readonly staleMs: number;
};

export const LIMITS: Limits = { backOffMs: [1000, 5000, 30_000, 120_000, 600_000], staleMs: 3_600_000 };
const PAGE = 100;
const NAP_MS = 60_000;
/** Of the first start: nothing of before. */
const ALL = 1000;
/** Of the MAC of the record: tells the same number of another journal, or of one out of a backup, apart. */
const ID_DIGITS = 8;

type Due = { readonly event: Happened; readonly index: number; readonly notice: Notice };

/**
 * Brings messages to one channel, one after the other. The journal is its queue: it keeps nothing in memory but the message that it has in hand, so that
 * a receiver that is away costs nothing, and a restart goes on where it was. A kill between sending and writing that down
 * sends that one message again.
 */
export class Courier {
  readonly #channel: Channel;
  readonly #rules: Pick<ChannelConnection, 'services' | 'about'>;
  readonly #parts: CourierParts;
  readonly #limits: Limits;
  readonly #file: string;
  #place: Place = { seq: 0, index: 0, threads: [] };
  #nap: AbortController | null = null;

  constructor(channel: Channel, rules: Pick<ChannelConnection, 'services' | 'about'>, parts: CourierParts) {
    this.#channel = channel;
    this.#rules = rules;
    this.#parts = parts;
    this.#limits = { ...LIMITS, ...parts.limits };
    this.#file = join(parts.directory, `${channel.name}.json`);
  }

  /** Something was recorded. */
  wake(): void {
    this.#nap?.abort();
  }

  /** Until the signal is aborted. Never rejects. */
  async run(signal: AbortSignal): Promise<void> {
    await this.#begin();
    while (!signal.aborted) {
      try {
        const due = this.#next();
        if (due === 'more') await turn();
        else if (due === null) await this.#rest(NAP_MS, signal);
        else await this.#bring(due, signal);
      } catch (error) {
        this.#warn(`no messages for a minute: ${wordsOf(error)}`);
        await this.#rest(NAP_MS, signal);
      }
    }
  }

  async #begin(): Promise<void> {
    const kept = await readPlace(this.#file);
    const head = this.#parts.head();
    // A journal out of a backup is behind: what it will record next is new.
    if (kept !== null && kept.seq <= head) this.#place = kept;
    else await this.#arrive({ seq: head, index: ALL, threads: kept?.threads ?? [] });
  }

  async #rest(ms: number, signal: AbortSignal): Promise<void> {
    this.#nap = new AbortController();
    await this.#parts.timers.sleep(ms, AbortSignal.any([signal, this.#nap.signal]));
    this.#nap = null;
  }

  /** The next notice for this channel; null: there is none; `more`: none in this page. */
  #next(): Due | 'more' | null {
    const { seq, index: done } = this.#place;
    const page = this.#parts.after(seq - 1, PAGE);
    for (const event of page) {
      for (const [index, notice] of event.notices.entries()) {
        const isOver = event.seq === seq && index < done;
        if (!isOver && isWanted(notice, this.#rules)) return { event, index, notice };
      }
    }
    const last = page.at(-1);
    if (last !== undefined && last.seq > seq) this.#place = { ...this.#place, seq: last.seq, index: ALL };
    return page.length === PAGE ? 'more' : null;
  }

  async #bring({ event, index, notice }: Due, signal: AbortSignal): Promise<void> {
    const { seq, mac, atMs } = event;
    const over: Place = { ...this.#place, seq, index: index + 1 };
    const id = `${seq}.${index}-${mac.slice(0, ID_DIGITS)}`;
    const message = messageOf(notice, { id, atMs, recorded: { seq, mac } });
    const about = threadOfNotice(notice);
    const before = threadOf(this.#place, about);
    const sent = await this.#insist(message, before, signal);
    if (sent === 'stopped') return;
    this.#parts.count(this.#channel, sent.what);
    const thread = isLast(notice) ? null : (sent.thread ?? before);
    await this.#arrive(withThread(over, about, thread));
  }

  async #insist(
    message: Message,
    thread: string | null,
    signal: AbortSignal,
  ): Promise<{ readonly what: Counted; readonly thread: string | null } | 'stopped'> {
    for (let attempt = 0; ; attempt += 1) {
      if (this.#parts.nowMs() - message.atMs > this.#limits.staleMs) {
        this.#warn(`message ${message.id} is too old and is not sent (${message.title})`);
        return { what: 'dropped', thread: null };
      }
      const sent = await this.#send(message, thread, signal);
      if (sent.ok) return { what: 'sent', thread: sent.thread };
      if (signal.aborted) return 'stopped';
      const backOffMs = this.#limits.backOffMs[attempt];
      if (!sent.again || backOffMs === undefined) {
        this.#warn(`message ${message.id} is given up after ${attempt + 1} attempts: ${sent.why}`);
        return { what: 'failed', thread: null };
      }
      const waitMs = Math.max(backOffMs, sent.afterMs ?? 0);
      this.#warn(`message ${message.id} was not taken: ${sent.why}; tried again in ${formatElapsed(waitMs)}`);
      await this.#parts.timers.sleep(waitMs, signal);
      if (signal.aborted) return 'stopped';
    }
  }

  /** A fault in a channel is a message that was not taken. Its words may hold a secret: only its kind is told. */
  async #send(message: Message, thread: string | null, signal: AbortSignal): Promise<Sent> {
    try {
      return await this.#channel.send(message, thread, signal);
    } catch (error) {
      const why = `a fault (${error instanceof Error ? error.name : 'unknown'})`;
      return { ok: false, why, again: false, afterMs: null };
    }
  }

  /** Where it cannot be written, the next start repeats what was sent since. */
  async #arrive(place: Place): Promise<void> {
    this.#place = place;
    try {
      await writePlace(this.#file, place);
    } catch (error) {
      this.#warn(`${this.#file} cannot be written: ${wordsOf(error)}`);
    }
  }

  #warn(message: string): void {
    const { name, kind } = this.#channel;
    this.#parts.warn({ channel: name, kind }, `notify ${name}: ${message}`);
  }
}
