import type { Upstream } from '../../../lib/upstream.ts';
import type { AppProtocol } from '../../../release/service.ts';
import type { SlotName } from '../../../release/slot.ts';
import { ReplicaTally } from '../../tally.ts';
import { H2cPool } from './h2c-pool.ts';
import type { UpstreamLink } from './upstream-link.ts';
import { type ConnectionHome, UpstreamConnection } from './upstream-connection.ts';

/**
 * An idle connection is used again for this long. Shorter than the 5 s after which many servers close one, because a
 * request that crosses that close is lost.
 */
const IDLE_MS = 4000;
/** A server that announces its own limit is given this much less. */
const HINT_MARGIN_MS = 1000;
/** Requests that must not be sent twice only go out on connections that were used just now. */
const IDLE_MS_UNREPEATABLE = 1000;
const MAX_IDLE = 256;
/** What is counted apart from all users' traffic, by the name that counts give it. */
export type Apart = 'previews' | 'overrides' | 'mirrored' | 'copied';

/** After a connection that failed, a replica is the last choice for this long, or until a probe finds it well. */
const SUSPECT_MS = 1000;

/** Which replica it is, and what it speaks. */
type Place = {
  readonly slot: SlotName;
  readonly index: number;
  readonly protocol: AppProtocol;
};

/** One replica as one worker sees it: health as told, load, idle connections, counts. */
export class ReplicaLink implements ConnectionHome {
  readonly address: Upstream;
  readonly slot: SlotName;
  readonly index: number;
  readonly protocol: AppProtocol;
  readonly tally = new ReplicaTally();
  /** What is counted apart; made when there is something. */
  readonly apart: Record<Apart, ReplicaTally | null> = {
    previews: null,
    overrides: null,
    mirrored: null,
    copied: null,
  };
  healthy = false;
  /** Requests and streams in flight from this worker. */
  active = 0;
  /** As many may be in flight from this worker. */
  allowed = Number.POSITIVE_INFINITY;
  isEjected = false;
  freshSinceMs = Number.NEGATIVE_INFINITY;
  private suspectUntilMs = 0;
  private retired = false;
  private idle: UpstreamConnection[] = [];
  readonly #h2c: H2cPool | null;

  constructor(address: Upstream, { slot, index, protocol }: Place) {
    this.protocol = protocol;
    this.#h2c = protocol === 'h2c' ? new H2cPool(address) : null;
    this.address = address;
    this.slot = slot;
    this.index = index;
  }

  /** An idle connection if there is one fresh enough, else a new one. */
  open(options: {
    readonly fresh: boolean;
    readonly repeatable: boolean;
    readonly nowMs: number;
  }): UpstreamLink {
    if (this.#h2c !== null) return this.#h2c.open();
    const limit = options.repeatable ? IDLE_MS : IDLE_MS_UNREPEATABLE;
    while (!options.fresh && this.idle.length > 0) {
      const connection = this.idle.pop()!;
      if (options.nowMs - connection.idleSinceMs <= Math.min(limit, idleLimitMs(connection)))
        return connection;
      connection.destroy();
    }
    return new UpstreamConnection(this);
  }

  takeBack(connection: UpstreamConnection): void {
    if (this.retired || this.idle.length >= MAX_IDLE) {
      connection.destroy();
      return;
    }
    connection.idleSinceMs = performance.now();
    this.idle.push(connection);
  }

  forget(connection: UpstreamConnection): void {
    const at = this.idle.indexOf(connection);
    if (at !== -1) this.idle.splice(at, 1);
  }

  closeStale(nowMs: number): void {
    this.#h2c?.closeStale(nowMs);
    for (const connection of this.idle.filter((each) => nowMs - each.idleSinceMs > idleLimitMs(each))) {
      connection.destroy();
    }
  }

  /** No connection could be made. Returns whether that is news. */
  suspect(nowMs: number): boolean {
    const isNews = !this.isSuspect(nowMs);
    this.suspectUntilMs = nowMs + SUSPECT_MS;
    return isNews;
  }

  trust(): void {
    this.suspectUntilMs = 0;
  }

  isSuspect(nowMs: number): boolean {
    return nowMs < this.suspectUntilMs;
  }

  /** Out of use: what is idle is closed now, what is busy when it is done. */
  retire(): void {
    this.retired = true;
    this.#h2c?.close();
    while (this.idle.length > 0) this.idle.at(-1)!.destroy();
  }

  revive(): void {
    this.retired = false;
  }
}

function idleLimitMs(connection: UpstreamConnection): number {
  const hint = connection.reader.keepAliveHintMs;
  return hint === null ? IDLE_MS : Math.max(0, Math.min(IDLE_MS, hint - HINT_MARGIN_MS));
}
