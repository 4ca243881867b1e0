import { saltState, type SaltState } from '../cohort.ts';
import type { IdentitySecond, TrafficBatch } from '../counts.ts';
import { type IdentityBook, IdentityCounts } from '../identity-book.ts';
import { IdentityFilter, type IdentityNews } from '../identity-filter.ts';
import { formatCursor, type LogCursor, parseCursor } from './cursor.ts';
import { NOTHING, OpenSecond, type SecondCounts } from './open-second.ts';
import type { ParseLine } from './record.ts';
import { PeopleFile } from './people-file.ts';
import { type Place, Tail, type TailOptions } from './tail.ts';
import { type Moment, wallShift } from './wall-shift.ts';

export type AccessLogOptions = TailOptions & {
  /** The clock by which the lines are stamped. Seconds are counted by `nowMs`, which is steady. */
  readonly wallMs: () => number;
  readonly parse: ParseLine;
  /** Tells one run of the reader from another: hex. */
  readonly epoch: string;
  /** How long after its end a second gets no more lines: the proxy's own buffering, and some slack. */
  readonly closeAfterMs: number;
  /** From now on lines are read from another place. */
  readonly began?: () => void;
};

/** Delivered seconds kept for a call that is repeated. */
const KEPT_SECONDS = 600;
/** One batch brings at most this many seconds; the next call brings the rest. */
const BATCH_SECONDS = 120;
/** Read, and not delivered yet: past it, reading waits for the next call. */
const AHEAD_SECONDS = 300;
/** While it catches up, lines of a second are this close together in the file. */
const SPREAD_SECONDS = 4;

type ClosedSecond = {
  readonly second: number;
  readonly cursor: LogCursor;
  readonly counts: SecondCounts;
  readonly identities: readonly IdentitySecond[];
};

/**
 * Counts of one service out of the access log that its proxy writes for us. Seconds are closed in order and never
 * opened again: what comes late for a closed one goes into the oldest open one. The cursor says how far the files were
 * read, so that a reader that begins anew counts each line once.
 */
export class AccessLog {
  /** Lines that were not ours, or torn: told, never fatal. */
  garbage = 0;
  /** The last reading came to the end of what was written. */
  isCaughtUp = false;
  private readonly options: AccessLogOptions;
  private tail: Tail | null = null;
  private open = new Map<number, OpenSecond>();
  private closed: ClosedSecond[] = [];
  private closedSecond = 0;
  private deliveredSecond = 0;
  private newestSecond = 0;
  private identities: { readonly salt: SaltState; readonly fromSecond: number } | null = null;
  private book: IdentityBook | null = null;
  private filter: IdentityFilter | null = null;
  private readonly people: PeopleFile;
  private readonly lostSeconds: { readonly second: number; readonly why: string }[] = [];
  private looked: Moment | null = null;
  private shiftSeconds = 0;

  constructor(options: AccessLogOptions) {
    this.options = options;
    this.people = new PeopleFile(`${options.path}-people`);
  }

  /** Whose identities are counted from now on: those of a rollout with a sticky cohort, or nobody's. */
  follow(rollout: string | null, salt: string): void {
    if (rollout === null) {
      if (this.identities !== null) this.people.remove();
      this.identities = null;
      return;
    }
    if (this.book?.rollout === rollout && this.identities !== null) return;
    const nowSecond = Math.floor(this.options.nowMs() / 1000);
    const since = this.people.since(rollout);
    if (since === null) this.people.begin(rollout, nowSecond);
    this.book = this.people.restore(rollout, this.tail === null ? 0 : this.closedSecond);
    this.filter = new IdentityFilter(rollout);
    this.identities = { salt: saltState(salt), fromSecond: since ?? nowSecond };
  }

  /** What was to be counted in these seconds is gone, or cannot be told from other seconds. */
  markLost(fromSecond: number, toSecond: number, why: string): void {
    for (let second = Math.max(fromSecond, this.closedSecond + 1); second <= toSecond; second += 1)
      if (!this.lostSeconds.some((lost) => lost.second === second)) this.lostSeconds.push({ second, why });
    this.lostSeconds.splice(0, this.lostSeconds.length - KEPT_SECONDS);
  }

  /** Errors: TRAFFIC_CURSOR_INVALID, and those of the file system. */
  batch(cursor: string | null): TrafficBatch {
    const after = cursor === null ? null : parseCursor(cursor);
    if (this.tail === null || (after !== null && !this.isKept(after))) this.begin(after);
    this.deliveredSecond = after?.upToSecond ?? this.closedSecond;
    this.read();
    return this.from(after?.upToSecond ?? this.closedSecond, after);
  }

  close(): void {
    this.tail?.close();
    this.tail = null;
  }

  private isKept(cursor: LogCursor): boolean {
    const first = this.closed[0]?.second ?? this.closedSecond + 1;
    return (
      cursor.epoch === this.options.epoch &&
      cursor.upToSecond >= first - 1 &&
      cursor.upToSecond <= this.closedSecond
    );
  }

  /** `after` null: from now on. */
  private begin(after: LogCursor | null): void {
    this.options.began?.();
    this.tail?.close();
    this.tail = new Tail(this.options, after?.from ?? null, after?.read);
    this.open = new Map();
    this.closed = [];
    this.closedSecond = after?.upToSecond ?? this.lastSecondOver();
    this.newestSecond = this.closedSecond;
    if (this.book !== null) {
      this.book = this.people.restore(this.book.rollout, this.closedSecond);
      this.filter = new IdentityFilter(this.book.rollout);
    }
    if (this.tail.hasLostLines)
      this.markLost(this.closedSecond + 1, this.lastSecondOver(), 'its log was gone');
  }

  private read(): void {
    this.followWall();
    const tail = this.tail!;
    this.isCaughtUp = false;
    if (this.closedSecond - this.deliveredSecond > AHEAD_SECONDS) return;
    const before = tail.places;
    this.isCaughtUp = tail.read((line, again) => this.take(line, again, before));
    const over = this.lastSecondOver();
    const upTo = this.isCaughtUp ? over : Math.min(over, this.newestSecond - SPREAD_SECONDS);
    while (this.closedSecond < upTo) this.closeNext();
    tail.tidy();
  }

  private take(line: string, again: boolean, before: readonly Place[]): void {
    const record = this.options.parse(line);
    if (record === null) {
      this.garbage += 1;
      return;
    }
    const stamped = record.second + this.shiftSeconds;
    if (again && stamped <= this.closedSecond) return;
    // Never ahead of the clock, whatever a line says: its second would stay open.
    const second = Math.min(stamped, Math.floor(this.options.nowMs() / 1000));
    this.newestSecond = Math.max(this.newestSecond, second);
    const at = Math.max(second, this.closedSecond + 1);
    let open = this.open.get(at);
    if (open === undefined) {
      open = new OpenSecond(at, before);
      this.open.set(at, open);
    }
    open.add(record, this.saltFor(stamped));
  }

  /** A wall clock that jumped must not move lines into seconds in which nobody wrote them. */
  private followWall(): void {
    const { nowMs, wallMs, closeAfterMs } = this.options;
    const now = { steadyMs: nowMs(), wallMs: wallMs() };
    const { seconds, lost } = wallShift(this.looked, now, closeAfterMs);
    if (lost !== null) this.markLost(lost.fromSecond, lost.toSecond, "the machine's clock was set");
    this.looked = now;
    this.shiftSeconds = seconds;
  }

  private saltFor(second: number): SaltState | null {
    return this.identities !== null && second >= this.identities.fromSecond ? this.identities.salt : null;
  }

  private closeNext(): void {
    const second = this.closedSecond + 1;
    const open = this.open.get(second);
    this.open.delete(second);
    const counts = new IdentityCounts();
    if (open !== undefined) this.noteIdentities(second, open.news, counts);
    this.closedSecond = second;
    this.closed.push({
      second,
      cursor: this.cursorAt(second),
      counts: open?.close() ?? NOTHING,
      identities: counts.close(second),
    });
    while (
      this.closed.length > KEPT_SECONDS &&
      this.closed[0]!.second <= this.deliveredSecond - BATCH_SECONDS
    )
      this.closed.shift();
  }

  private noteIdentities(second: number, news: readonly IdentityNews[], counts: IdentityCounts): void {
    const { book, filter } = this;
    if (book === null || filter === null || this.identities === null) return;
    for (const [identity, slot, did, bucket] of news) filter.note(identity, slot, did, bucket);
    const fresh = filter.take();
    book.take(fresh, counts);
    try {
      this.people.note(second, fresh);
    } catch {
      // Without room for it they would count again after a restart; the counts themselves go on.
    }
  }

  /** Beginning there, the lines of every open second are read again, and only those of open ones are counted. */
  private cursorAt(second: number): LogCursor {
    const read = this.tail!.places;
    // Seconds are opened in the order of reading: the first one still open was begun the earliest.
    const from = this.open.values().next().value?.from ?? read;
    return { epoch: this.options.epoch, upToSecond: second, from, read };
  }

  private from(after: number, given: LogCursor | null): TrafficBatch {
    const upToSecond = Math.max(after, Math.min(this.closedSecond, after + BATCH_SECONDS));
    const seconds = this.closed.filter(({ second }) => second > after && second <= upToSecond);
    const apart = (['previews', 'overrides', 'mirrored', 'copied'] as const)
      .map((lane) => [lane, seconds.flatMap(({ counts }) => counts[lane])] as const)
      .filter(([, counted]) => counted.length > 0);
    const instead = (['mirrorDropped', 'holdRefused'] as const)
      .map((what) => [what, seconds.reduce((total, { counts }) => total + counts[what], 0)] as const)
      .filter(([, count]) => count > 0);
    return {
      cursor: formatCursor(seconds.at(-1)?.cursor ?? this.sameAs(given)),
      upToSecond,
      lost: this.lostBetween(after, upToSecond),
      replicas: seconds.flatMap(({ counts }) => counts.replicas),
      identities: seconds.flatMap((each) => each.identities),
      ...failedIn(seconds),
      ...Object.fromEntries([...apart, ...instead]),
    };
  }

  /** Nothing new: the same place, as this reader's own. */
  private sameAs(given: LogCursor | null): LogCursor {
    return given === null ? this.cursorAt(this.closedSecond) : { ...given, epoch: this.options.epoch };
  }

  private lostBetween(after: number, upTo: number): TrafficBatch['lost'] {
    const lost = this.lostSeconds.filter(({ second }) => second > after && second <= upTo);
    if (lost.length === 0) return null;
    const seconds = lost.map(({ second }) => second);
    return { fromSecond: Math.min(...seconds), toSecond: Math.max(...seconds), why: lost[0]!.why };
  }

  private lastSecondOver(): number {
    return Math.floor((this.options.nowMs() - this.options.closeAfterMs) / 1000) - 1;
  }
}

function failedIn(
  seconds: readonly { readonly counts: Pick<SecondCounts, 'failed'> }[],
): Pick<TrafficBatch, 'failed'> {
  const failed = seconds.flatMap(({ counts }) => counts.failed);
  return failed.length === 0 ? {} : { failed };
}
