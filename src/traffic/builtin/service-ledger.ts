import { SLOT_NAMES, type SlotName } from '../../release/slot.ts';
import type { FailedRequest, IdentitySecond, ReplicaSecond, SparseHistogram } from '../counts.ts';
import { MOST_FAILED } from '../failed-request.ts';
import {
  IdentityBook,
  type IdentityBookCopy,
  IdentityCounts,
  type IdentityCountsCopy,
} from '../identity-book.ts';
import { PackedSeconds, type PackedSecondsCopy } from '../packed-seconds.ts';
import type { ServiceCounts } from './messages.ts';

/** Ten minutes for a controller that is away. */
export const KEPT_SECONDS = 600;

/** Copies that were not sent, requests that were turned away, and examples of what failed, of one second. */
type Uncounted = Pick<OpenSecond, 'mirrorDropped' | 'holdRefused' | 'queueRefused' | 'malformed'> & {
  readonly second: number;
  readonly failed: readonly FailedRequest[];
};

type Counted = {
  readonly replicas: readonly ReplicaSecond[];
  readonly identities: readonly IdentitySecond[];
};
type Delivered = Counted & Readonly<Record<Apart, readonly ReplicaSecond[]>> & Omit<Uncounted, 'second'>;

/** Of a second in which nothing happened. */
export const NOTHING: Delivered = {
  replicas: [],
  identities: [],
  previews: [],
  overrides: [],
  mirrored: [],
  copied: [],
  mirrorDropped: 0,
  holdRefused: 0,
  queueRefused: { blue: 0, green: 0 },
  malformed: 0,
  failed: [],
};

/** All of a ledger, for the proxy that takes this one's place. */
export type ServiceLedgerCopy = {
  /** The newest first, as many as there are. */
  readonly books: readonly IdentityBookCopy[];
  readonly identities: IdentityCountsCopy | null;
  readonly open: OpenCopy | null;
  readonly closed: PackedSecondsCopy;
  readonly apart: readonly (readonly [list: Apart, seconds: PackedSecondsCopy])[];
  readonly uncounted: readonly Uncounted[];
};

/** What the workers counted for one service. */
export class ServiceLedger {
  private book: IdentityBook | null = null;
  private formerBook: IdentityBook | null = null;
  private identities: IdentityCounts | null = null;
  private open: OpenSecond | null = null;
  private closed = new PackedSeconds();
  /** Made when there is something. */
  private readonly apart = new Map<Apart, PackedSeconds>();
  private uncounted: Uncounted[] = [];

  add(counts: ServiceCounts): void {
    const { rollout, identities } = counts;
    this.open ??= openSecond();
    for (const list of LISTS) mergeInto(this.open[list], counts[list]);
    this.open.mirrorDropped += counts.mirrorDropped;
    this.open.holdRefused += counts.holdRefused;
    for (const slot of SLOT_NAMES) this.open.queueRefused[slot] += counts.queueRefused?.[slot] ?? 0;
    this.open.malformed += counts.malformed;
    this.open.failed.push(...(counts.failed ?? []).slice(0, MOST_FAILED - this.open.failed.length));
    if (rollout === null) return;
    this.identities ??= new IdentityCounts();
    this.bookOf(rollout).take(identities, this.identities);
  }

  /** A worker may tell of the former rollout after another one told of this one: neither book is begun anew by that. */
  private bookOf(rollout: string): IdentityBook {
    const known = [this.book, this.formerBook].find((book) => book?.rollout === rollout);
    if (known) return known;
    this.formerBook = this.book;
    this.book = new IdentityBook(rollout);
    return this.book;
  }

  close(second: number): void {
    if (this.open !== null) this.keep(second, this.open);
    this.open = null;
    this.identities = null;
    for (const seconds of [this.closed, ...this.apart.values()])
      seconds.forgetBefore(second - KEPT_SECONDS + 1);
    while (this.uncounted.length > 0 && this.uncounted[0]!.second <= second - KEPT_SECONDS)
      this.uncounted.shift();
  }

  between(after: number, upTo: number): Delivered {
    const rows = this.closed.between(after + 1, upTo);
    const apart = (list: Apart) =>
      this.apart
        .get(list)
        ?.between(after + 1, upTo)
        .flatMap(({ replicas }) => replicas) ?? [];
    const uncounted = this.uncounted.filter(({ second }) => second > after && second <= upTo);
    return {
      replicas: rows.flatMap(({ replicas }) => replicas),
      identities: rows.flatMap(({ identities }) => identities),
      previews: apart('previews'),
      overrides: apart('overrides'),
      mirrored: apart('mirrored'),
      copied: apart('copied'),
      mirrorDropped: uncounted.reduce((sum, each) => sum + each.mirrorDropped, 0),
      holdRefused: uncounted.reduce((sum, each) => sum + each.holdRefused, 0),
      queueRefused: {
        blue: uncounted.reduce((sum, each) => sum + each.queueRefused.blue, 0),
        green: uncounted.reduce((sum, each) => sum + each.queueRefused.green, 0),
      },
      malformed: uncounted.reduce((sum, each) => sum + each.malformed, 0),
      failed: uncounted.flatMap((each) => each.failed),
    };
  }

  copy(): ServiceLedgerCopy {
    return {
      books: [this.book, this.formerBook].flatMap((book) => book?.copy() ?? []),
      identities: this.identities?.copy() ?? null,
      open: this.open === null ? null : copyOfOpen(this.open),
      closed: this.closed.copy(),
      apart: [...this.apart].map(([list, seconds]) => [list, seconds.copy()]),
      uncounted: this.uncounted,
    };
  }

  static from({ books, identities, open, closed, apart, uncounted }: ServiceLedgerCopy): ServiceLedger {
    const ledger = new ServiceLedger();
    const [book = null, formerBook = null] = books.map((each) => IdentityBook.from(each));
    ledger.book = book;
    ledger.formerBook = formerBook;
    ledger.identities = identities === null ? null : IdentityCounts.from(identities);
    ledger.open = open === null ? null : openFrom(open);
    ledger.closed = PackedSeconds.from(closed);
    for (const [list, seconds] of apart) ledger.apart.set(list, PackedSeconds.from(seconds));
    ledger.uncounted = [...uncounted];
    return ledger;
  }

  private keep(second: number, open: OpenSecond): void {
    const listed = (list: List) => [...open[list].values()].map((each) => ({ second, ...each }));
    const replicas = listed('replicas');
    const identities = this.identities?.close(second) ?? [];
    if (replicas.length + identities.length > 0) this.closed.add({ second, replicas, identities });
    for (const list of APART) if (open[list].size > 0) this.keepApart(list, second, listed(list));
    const { mirrorDropped, holdRefused, queueRefused, malformed } = open;
    const refused = holdRefused + queueRefused.blue + queueRefused.green;
    const failed = open.failed.map((each) => ({ second, ...each }));
    if (mirrorDropped + refused + malformed + failed.length > 0)
      this.uncounted.push({ second, mirrorDropped, holdRefused, queueRefused, malformed, failed });
  }

  private keepApart(list: Apart, second: number, replicas: readonly ReplicaSecond[]): void {
    const seconds = this.apart.get(list) ?? new PackedSeconds();
    this.apart.set(list, seconds);
    seconds.add({ second, replicas, identities: [] });
  }
}

const APART = ['previews', 'overrides', 'mirrored', 'copied'] as const;
type Apart = (typeof APART)[number];
const LISTS = ['replicas', ...APART] as const;
type List = (typeof LISTS)[number];

type Counts = Omit<ReplicaSecond, 'second'>;
/** By slot and replica. */
type ByReplica = Map<string, Counts>;
type OpenSecond = Record<List, ByReplica> & {
  mirrorDropped: number;
  holdRefused: number;
  readonly queueRefused: Record<SlotName, number>;
  malformed: number;
  readonly failed: Omit<FailedRequest, 'second'>[];
};

function openSecond(): OpenSecond {
  return {
    replicas: new Map(),
    previews: new Map(),
    overrides: new Map(),
    mirrored: new Map(),
    copied: new Map(),
    mirrorDropped: 0,
    holdRefused: 0,
    queueRefused: { blue: 0, green: 0 },
    malformed: 0,
    failed: [],
  };
}

type OpenCopy = Omit<OpenSecond, List> & Readonly<Record<List, readonly Counts[]>>;

function copyOfOpen(open: OpenSecond): OpenCopy {
  const lists = LISTS.map((list) => [list, [...open[list].values()]] as const);
  return { ...open, ...(Object.fromEntries(lists) as Record<List, Counts[]>) };
}

function openFrom(copy: OpenCopy): OpenSecond {
  const open = { ...openSecond(), ...uncountedOf(copy) };
  for (const list of LISTS) mergeInto(open[list], copy[list]);
  return open;
}

function uncountedOf({
  mirrorDropped,
  holdRefused,
  queueRefused,
  malformed,
  failed,
}: OpenCopy): Omit<OpenSecond, List> {
  return { mirrorDropped, holdRefused, queueRefused: { ...queueRefused }, malformed, failed: [...failed] };
}

function mergeInto(open: ByReplica, counts: readonly Counts[]): void {
  for (const each of counts) {
    const key = `${each.slot} ${each.replica}`;
    const before = open.get(key);
    open.set(key, before === undefined ? each : merge(before, each));
  }
}

function merge(a: Counts, b: Counts): Counts {
  return {
    slot: a.slot,
    replica: a.replica,
    attempts: a.attempts + b.attempts,
    requests: a.requests + b.requests,
    classes: {
      ok: a.classes.ok + b.classes.ok,
      clientError: a.classes.clientError + b.classes.clientError,
      serverError: a.classes.serverError + b.classes.serverError,
      connectFailure: a.classes.connectFailure + b.classes.connectFailure,
      timeout: a.classes.timeout + b.classes.timeout,
      clientAbort: a.classes.clientAbort + b.classes.clientAbort,
    },
    latency: mergeHistograms(a.latency, b.latency),
  };
}

function mergeHistograms(a: SparseHistogram, b: SparseHistogram): SparseHistogram {
  const counts = new Map(a);
  for (const [bucket, count] of b) counts.set(bucket, (counts.get(bucket) ?? 0) + count);
  return [...counts].sort(([x], [y]) => x - y);
}
