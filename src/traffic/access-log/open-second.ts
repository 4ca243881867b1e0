import { SLOT_NAMES, type SlotName } from '../../release/slot.ts';
import { identityHash, type SaltState } from '../cohort.ts';
import { latencyBucket, type ReplicaSecond } from '../counts.ts';
import { DID, deedOf, type IdentityNews, ONE_OFF } from '../identity-filter.ts';
import { NO_LATENCY, ReplicaTally } from '../tally.ts';
import type { LogRecord } from './record.ts';
import type { Place } from './tail.ts';

/** Past it, what identities do in one second is no longer noted: bounds the memory of a flood. */
const MAX_NEWS = 100_000;

/** What was read so far of a second that may still get lines. */
export class OpenSecond {
  readonly second: number;
  /** Where the files had been read to before its first line. */
  readonly from: readonly Place[];
  readonly news: IdentityNews[] = [];
  private readonly replicas = new Map<string, Tallied>();
  private readonly previews = new Map<string, Tallied>();

  constructor(second: number, from: readonly Place[]) {
    this.second = second;
    this.from = from;
  }

  /** `salt` null: identities are not counted. */
  add(record: LogRecord, salt: SaltState | null): void {
    const last = record.attempts.length - 1;
    const identity =
      salt === null || record.isPreview
        ? null
        : record.identity === null
          ? ONE_OFF
          : identityHash(salt, record.identity);
    for (const [index, { slot, replica, classIndex, latencyMs }] of record.attempts.entries()) {
      const bucket = latencyMs === null ? NO_LATENCY : latencyBucket(latencyMs);
      const tallies = record.isPreview ? this.previews : this.replicas;
      tallyOf(tallies, slot, replica).add(classIndex, bucket, index === last);
      if (identity === null || this.news.length >= MAX_NEWS) continue;
      const on = slot === SLOT_NAMES[0] ? DID.activeOnBlue : DID.activeOnGreen;
      this.news.push([identity, slot === SLOT_NAMES[0] ? 0 : 1, on | deedOf(classIndex), bucket]);
    }
  }

  close(): { readonly replicas: readonly ReplicaSecond[]; readonly previews: readonly ReplicaSecond[] } {
    return { replicas: this.counted(this.replicas), previews: this.counted(this.previews) };
  }

  private counted(tallies: ReadonlyMap<string, Tallied>): ReplicaSecond[] {
    return [...tallies.values()].flatMap(({ slot, replica, tally }) => {
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
