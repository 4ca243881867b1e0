import { SLOT_NAMES, type SlotName } from '../../release/slot.ts';
import { identityHash, type SaltState } from '../cohort.ts';
import { latencyBucket, type FailedRequest, type ReplicaSecond } from '../counts.ts';
import { DID, deedOf, type IdentityNews, ONE_OFF } from '../identity-filter.ts';
import { CLASS, type ClassIndex, NO_LATENCY, ReplicaTally } from '../tally.ts';
import { failureKind, MOST_FAILED } from '../failed-request.ts';
import type { Instead, LogRecord } from './record.ts';
import type { Place } from './tail.ts';

/** Past it, what identities do in one second is no longer noted: bounds the memory of a flood. */
const MAX_NEWS = 100_000;

/** Users, and those who are counted apart from them. */
type Lane = 'replicas' | 'previews' | 'overrides' | 'mirrored' | 'copied';

export type SecondCounts = Readonly<Record<Lane, readonly ReplicaSecond[]>> &
  Readonly<Record<Instead, number>> & { readonly failed: readonly FailedRequest[] };

export const NOTHING: SecondCounts = {
  replicas: [],
  previews: [],
  overrides: [],
  mirrored: [],
  copied: [],
  mirrorDropped: 0,
  holdRefused: 0,
  failed: [],
};

function laneOf({ isPreview, by }: LogRecord): Lane {
  if (by !== undefined) return by === 'override' ? 'overrides' : 'mirrored';
  return isPreview ? 'previews' : 'replicas';
}

/** What was read so far of a second that may still get lines. */
export class OpenSecond {
  readonly second: number;
  /** Where the files had been read to before its first line. */
  readonly from: readonly Place[];
  readonly news: IdentityNews[] = [];
  private readonly tallies = new Map<Lane, Map<string, Tallied>>();
  private readonly failed: FailedRequest[] = [];
  private readonly instead: Record<Instead, number> = { mirrorDropped: 0, holdRefused: 0 };

  constructor(second: number, from: readonly Place[]) {
    this.second = second;
    this.from = from;
  }

  /** `salt` null: identities are not counted. */
  add(record: LogRecord, salt: SaltState | null): void {
    if (record.instead !== undefined) this.instead[record.instead] += 1;
    const lane = laneOf(record);
    const tallies = this.talliesOf(lane);
    const { copiedWithinMs = null } = record;
    const copied = copiedWithinMs === null ? null : this.talliesOf('copied');
    const last = record.attempts.length - 1;
    const identity =
      salt === null || lane !== 'replicas' || record.isUnasked === true
        ? null
        : record.identity === null
          ? ONE_OFF
          : identityHash(salt, record.identity);
    for (const [index, { slot, replica, classIndex, latencyMs }] of record.attempts.entries()) {
      const bucket = latencyMs === null ? NO_LATENCY : latencyBucket(latencyMs);
      tallyOf(tallies, slot, replica).add(classIndex, bucket, index === last);
      if (copied !== null) {
        const isLate = latencyMs !== null && latencyMs > copiedWithinMs! && classIndex !== CLASS.clientAbort;
        tallyOf(copied, slot, replica).add(isLate ? CLASS.timeout : classIndex, bucket, index === last);
      }
      if (lane === 'replicas') this.noteFailed(slot, replica, classIndex);
      if (identity === null || this.news.length >= MAX_NEWS) continue;
      const on = slot === SLOT_NAMES[0] ? DID.activeOnBlue : DID.activeOnGreen;
      this.news.push([identity, slot === SLOT_NAMES[0] ? 0 : 1, on | deedOf(classIndex), bucket]);
    }
  }

  private talliesOf(lane: Lane): Map<string, Tallied> {
    const known = this.tallies.get(lane);
    if (known !== undefined) return known;
    const made = new Map<string, Tallied>();
    this.tallies.set(lane, made);
    return made;
  }

  close(): SecondCounts {
    return {
      replicas: this.counted('replicas'),
      previews: this.counted('previews'),
      overrides: this.counted('overrides'),
      mirrored: this.counted('mirrored'),
      copied: this.counted('copied'),
      ...this.instead,
      failed: this.failed,
    };
  }

  /** Logs hold neither method nor path, so that lines stay short and nobody's. */
  private noteFailed(slot: SlotName, replica: number, classIndex: ClassIndex): void {
    const kind = failureKind(classIndex);
    if (kind === null || this.failed.length >= MOST_FAILED) return;
    this.failed.push({ second: this.second, slot, replica, kind, status: null, method: null, path: null });
  }

  private counted(lane: Lane): ReplicaSecond[] {
    return [...(this.tallies.get(lane)?.values() ?? [])].flatMap(({ slot, replica, tally }) => {
      const counts = tally.take();
      return counts === null ? [] : [{ second: this.second, slot, replica, ...counts }];
    });
  }
}

type Tallied = { readonly slot: SlotName; readonly replica: number; readonly tally: ReplicaTally };

function tallyOf(tallies: Map<string, Tallied>, slot: SlotName, replica: number): ReplicaTally {
  const key = `${slot}${replica}`;
  const known = tallies.get(key);
  if (known !== undefined) return known.tally;
  const tally = new ReplicaTally();
  tallies.set(key, { slot, replica, tally });
  return tally;
}
