import { OperatingError } from '../../lib/errors.ts';
import type { TrafficBatch } from '../counts.ts';
import type { ServiceCounts } from './messages.ts';
import { KEPT_SECONDS, NOTHING, ServiceLedger, type ServiceLedgerCopy } from './service-ledger.ts';

/** One batch brings at most this many seconds; the next call brings the rest. */
const BATCH_SECONDS = 120;

/** All of it but the services. */
export type LedgerCopy = {
  readonly epoch: string;
  readonly firstSecond: number;
  readonly closedSecond: number;
  readonly lostSeconds: readonly number[];
};

/**
 * What the workers counted, merged per second. Seconds are closed in order and never opened again: what comes late for
 * a closed one goes into the one that is open.
 */
export class Ledger {
  /** Tells one run of the parent from another: its counts do not survive it. */
  private epoch: string;
  private firstSecond: number;
  private closedSecond: number;
  private readonly services = new Map<string, ServiceLedger>();
  private lostSeconds: number[] = [];

  constructor(epoch: string, nowSecond: number) {
    this.epoch = epoch;
    this.closedSecond = nowSecond;
    this.firstSecond = nowSecond + 1;
  }

  copy(): LedgerCopy {
    const { epoch, firstSecond, closedSecond, lostSeconds } = this;
    return { epoch, firstSecond, closedSecond, lostSeconds };
  }

  /** By service; each by itself, because a book of people may have many megabytes. */
  *serviceCopies(): Generator<readonly [service: string, copy: ServiceLedgerCopy]> {
    for (const [service, ledger] of this.services) yield [service, ledger.copy()];
  }

  /** Goes on where another one ended, so that its readers notice nothing. */
  goOnFrom({ epoch, firstSecond, closedSecond, lostSeconds }: LedgerCopy): void {
    this.epoch = epoch;
    this.firstSecond = firstSecond;
    this.closedSecond = closedSecond;
    this.lostSeconds = [...lostSeconds];
  }

  takeService(service: string, copy: ServiceLedgerCopy): void {
    this.services.set(service, ServiceLedger.from(copy));
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
