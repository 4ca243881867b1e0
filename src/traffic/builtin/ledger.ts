import { OperatingError } from '../../lib/errors.ts';
import { SLOT_NAMES, type SlotName } from '../../release/slot.ts';
import type {
  FailedRequest,
  IdentitySecond,
  ReplicaSecond,
  SparseHistogram,
  TrafficBatch,
} from '../counts.ts';
import { MOST_FAILED } from '../failed-request.ts';
import { IdentityBook, IdentityCounts } from '../identity-book.ts';
import { PackedSeconds } from '../packed-seconds.ts';
import type { ServiceCounts } from './messages.ts';

/** Ten minutes for a controller that is away. */
const KEPT_SECONDS = 600;
/** One batch brings at most this many seconds; the next call brings the rest. */
const BATCH_SECONDS = 120;

/**
 * What the workers counted, merged per second. Seconds are closed in order and never opened again: what comes late for
 * a closed one goes into the one that is open.
 */
export class Ledger {
  /** Tells one run of the parent from another: its counts do not survive it. */
  private readonly epoch: string;
  private readonly firstSecond: number;
  private closedSecond: number;
  private readonly services = new Map<string, ServiceLedger>();
  private readonly lostSeconds: number[] = [];

  constructor(epoch: string, nowSecond: number) {
    this.epoch = epoch;
    this.closedSecond = nowSecond;
    this.firstSecond = nowSecond + 1;
  }

  /** Takes in what one worker counted in a second. */
  add(counts: readonly ServiceCounts[]): void {
    for (const each of counts) this.serviceLedger(each.service).add(each);
  }

  /** Nothing more is expected for seconds up to and including this one. */
  close(second: number): void {
    while (this.closedSecond < second) {
      this.closedSecond += 1;
      for (const service of this.services.values()) service.close(this.closedSecond);
    }
  }

  get openSecond(): number {
    return this.closedSecond + 1;
  }

  /** A worker died: what it had counted of the open second is gone. */
  markLost(): void {
    if (this.lostSeconds.at(-1) !== this.openSecond) this.lostSeconds.push(this.openSecond);
    while (this.lostSeconds.length > 0 && this.lostSeconds[0]! < this.closedSecond - KEPT_SECONDS)
      this.lostSeconds.shift();
  }

  forget(service: string): void {
    this.services.delete(service);
  }

  /** Errors: TRAFFIC_CURSOR_INVALID. */
  batch(service: string, cursor: string | null): TrafficBatch {
    if (cursor === null) return this.from(service, this.closedSecond, null);
    const { epoch, second } = parseCursor(cursor);
    const kept = Math.max(this.firstSecond, this.closedSecond - KEPT_SECONDS + 1);
    if (epoch === this.epoch && second + 1 >= kept) return this.from(service, second, null);
    // Another run of the proxy, or too long ago: what lies between is lost.
    const lost = second + 1 <= kept - 1 ? { fromSecond: second + 1, toSecond: kept - 1 } : null;
    return this.from(service, Math.max(second, kept - 1), lost);
  }

  private from(service: string, after: number, lost: TrafficBatch['lost']): TrafficBatch {
    const upToSecond = Math.max(after, Math.min(this.closedSecond, after + BATCH_SECONDS));
    const counted = this.services.get(service)?.between(after, upToSecond) ?? NOTHING;
    const { replicas, identities, previews, overrides, mirrored, copied } = counted;
    const { mirrorDropped, holdRefused, queueRefused, malformed, failed } = counted;
    return {
      cursor: `${this.epoch}.${upToSecond}`,
      upToSecond,
      lost: this.widen(lost, after, upToSecond),
      replicas,
      identities,
      ...(previews.length > 0 && { previews }),
      ...(overrides.length > 0 && { overrides }),
      ...(mirrored.length > 0 && { mirrored }),
      ...(copied.length > 0 && { copied }),
      ...(mirrorDropped > 0 && { mirrorDropped }),
      ...(holdRefused > 0 && { holdRefused }),
      ...(queueRefused.blue + queueRefused.green > 0 && { queueRefused }),
      ...(malformed > 0 && { malformed }),
      ...(failed.length > 0 && { failed }),
    };
  }

  private widen(lost: TrafficBatch['lost'], after: number, upToSecond: number): TrafficBatch['lost'] {
    const damaged = this.lostSeconds.filter((second) => second > after && second <= upToSecond);
    if (damaged.length === 0) return lost;
    return { fromSecond: lost?.fromSecond ?? damaged[0]!, toSecond: damaged.at(-1)! };
  }

  private serviceLedger(service: string): ServiceLedger {
    let ledger = this.services.get(service);
    if (ledger === undefined) {
      ledger = new ServiceLedger();
      this.services.set(service, ledger);
    }
    return ledger;
  }
}

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

const NOTHING: Delivered = {
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

class ServiceLedger {
  private book: IdentityBook | null = null;
  private formerBook: IdentityBook | null = null;
  private identities: IdentityCounts | null = null;
  private open: OpenSecond | null = null;
  private readonly closed = new PackedSeconds();
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

function parseCursor(cursor: string): { readonly epoch: string; readonly second: number } {
  const found = /^([0-9a-f]+)\.(\d{1,12})$/.exec(cursor);
  if (found === null) {
    throw new OperatingError(
      'TRAFFIC_CURSOR_INVALID',
      `Counts were asked for after "${cursor}", which is no cursor of this proxy. Nothing was delivered; begin with null.`,
      { retryable: false },
    );
  }
  return { epoch: found[1]!, second: Number(found[2]) };
}
