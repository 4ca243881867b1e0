import type { SlotName } from '../src/release/slot.ts';
import { latencyBucket, type ReplicaSecond, type TrafficBatch } from '../src/traffic/counts.ts';

/** Users', and what is counted apart from them. */
export type Lane = 'replicas' | 'mirrored' | 'copied' | 'overrides';

type Counted = { requests: number; failed: number };

const KEPT_SECONDS = 600;
const LATENCY = latencyBucket(20);

/** Counts per second, closed in order and never opened again, as the built-in proxy keeps them. */
export class Ledger {
  #epoch = 1;
  #first: number;
  #closed: number;
  readonly #open = new Map<string, Counted>();
  #rows: { readonly service: string; readonly lane: Lane; readonly row: ReplicaSecond }[] = [];
  #lost: number[] = [];

  constructor(nowSecond: number) {
    this.#closed = nowSecond - 1;
    this.#first = nowSecond;
  }

  add(service: string, slot: SlotName, { requests, failed }: Counted, lane: Lane = 'replicas'): void {
    const key = `${service}/${slot}/${lane}`;
    const open = this.#open.get(key);
    if (open === undefined) this.#open.set(key, { requests, failed });
    else {
      open.requests += requests;
      open.failed += failed;
    }
  }

  close(second: number): void {
    if (second <= this.#closed) return;
    for (const [key, counted] of this.#open) this.#closeOne(key, counted, this.#closed + 1);
    this.#open.clear();
    this.#closed = second;
    const oldest = second - KEPT_SECONDS;
    if ((this.#rows[0]?.row.second ?? oldest) < oldest - 60)
      this.#rows = this.#rows.filter(({ row }) => row.second > oldest);
  }

  /** The counts of the open second are gone. */
  lose(): void {
    this.#lost.push(this.#closed + 1);
    this.#open.clear();
  }

  forget(service: string): void {
    for (const key of this.#open.keys()) if (key.startsWith(`${service}/`)) this.#open.delete(key);
    this.#rows = this.#rows.filter((each) => each.service !== service);
  }

  restart(): void {
    this.#epoch += 1;
    this.#first = this.#closed + 2;
    this.#closed += 1;
    this.#open.clear();
    this.#rows = [];
    this.#lost = [];
  }

  batch(service: string, cursor: string | null): TrafficBatch {
    const [epoch, second] = (cursor ?? `${this.#epoch}.${this.#closed}`).split('.').map(Number) as [
      number,
      number,
    ];
    const kept = Math.max(this.#first, this.#closed - KEPT_SECONDS + 1);
    const isKnown = epoch === this.#epoch && second + 1 >= kept;
    const after = isKnown ? second : Math.max(second, kept - 1);
    const gap = !isKnown && second + 1 <= kept - 1 ? { fromSecond: second + 1, toSecond: kept - 1 } : null;
    const upToSecond = Math.max(after, this.#closed);
    const damaged = this.#lost.filter((one) => one > after && one <= upToSecond);
    return {
      cursor: `${this.#epoch}.${upToSecond}`,
      upToSecond,
      lost:
        damaged.length === 0
          ? gap
          : { fromSecond: gap?.fromSecond ?? damaged[0]!, toSecond: damaged.at(-1)! },
      replicas: this.#after(service, after, 'replicas'),
      identities: [],
      mirrored: this.#after(service, after, 'mirrored'),
      copied: this.#after(service, after, 'copied'),
      overrides: this.#after(service, after, 'overrides'),
    };
  }

  #after(service: string, second: number, lane: Lane): readonly ReplicaSecond[] {
    return this.#rows
      .filter((each) => each.service === service && each.lane === lane && each.row.second > second)
      .map(({ row }) => row);
  }

  #closeOne(key: string, counted: Counted, second: number): void {
    const [service, slot, lane] = key.split('/') as [string, SlotName, Lane];
    const attempts = Math.round(counted.requests);
    if (attempts === 0) return;
    const failed = Math.min(attempts, Math.round(counted.failed));
    const ok = attempts - failed;
    const none = { clientError: 0, connectFailure: 0, timeout: 0, clientAbort: 0 };
    const row: ReplicaSecond = {
      second,
      slot,
      replica: 0,
      attempts,
      requests: attempts,
      classes: { ...none, ok, serverError: failed },
      latency: ok === 0 ? [] : [[LATENCY, ok]],
    };
    this.#rows.push({ service, lane, row });
  }
}
