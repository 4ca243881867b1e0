import type { SlotName } from '../../release/slot.ts';
import type { ClassIndex } from '../tally.ts';

/** One try at one replica. */
export type Attempt = {
  readonly slot: SlotName;
  /** 0-based index within the slot. */
  readonly replica: number;
  readonly classIndex: ClassIndex;
  /** Time to the response head, or null where none came. */
  readonly latencyMs: number | null;
};

/** What one line of an access log says. */
export type LogRecord = {
  /** When the request was decided: Unix time in whole seconds, by the wall clock of who wrote it. */
  readonly second: number;
  /** In the order of the tries, the last one final; empty where no replica was asked. */
  readonly attempts: readonly Attempt[];
  /** Who asked, or null where each request is one of its own. */
  readonly identity: string | null;
  /** Began while nobody was told apart, so it is no identity at all, not even one of its own. */
  readonly isUnasked?: boolean;
  /** Came to a preview address: counted apart, never judged. */
  readonly isPreview: boolean;
  /** A copy of it was sent, which failed without an answer after so long: counted among those as well, by the same time. */
  readonly copiedWithinMs?: number;
  /** Chose its slot by an override, or is a copy that a mirror sent: counted apart as well. */
  readonly by?: 'override' | 'mirror';
  /** What happened in place of any attempt. */
  readonly instead?: Instead;
};

/** A copy that was due was not sent; a hold turned a request away for a bound. */
export type Instead = 'mirrorDropped' | 'holdRefused';

/** Reads a whole line, without its end; null for what is none of ours. Never throws. */
export type ParseLine = (line: string) => LogRecord | null;
