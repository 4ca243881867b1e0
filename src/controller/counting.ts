import { messageOf, OperatingError } from '../lib/errors.ts';
import type { TrafficBatch } from '../traffic/counts.ts';
import type { Desk } from './desk.ts';
import { BASELINE_SECONDS } from './desk.ts';
import type { Engine } from './engine.ts';
import type { Ports } from './ports.ts';
import { Ring } from './ring.ts';

/** Seconds of counts kept in memory: the longest baseline, and slack for a pause of the controller. */
const RING_SECONDS = BASELINE_SECONDS + 300;

/** Brings counts from the proxy into the samples and before the judge, in order, each second once. */
export class Counting {
  readonly #ports: Ports;
  readonly #engine: Engine;
  readonly #desk: Desk;
  readonly #rings = new Map<string, { ring: Ring; cursor: string | null }>();

  constructor(ports: Ports, engine: Engine, desk: Desk) {
    this.#ports = ports;
    this.#engine = engine;
    this.#desk = desk;
  }

  async take(service: string): Promise<void> {
    const kept = this.#rings.get(service) ?? (await this.#restored(service));
    const batch = await this.#traffic(service, kept.cursor);
    if (batch === null) return;
    kept.cursor = batch.cursor;
    kept.ring.add(batch);
    if (batch.lost !== null)
      this.#ports.log.warn({ service, ...batch.lost }, 'counts of these seconds are lost');
    this.#ports.samples.append({ service, ...batch });
    this.#judge(service, kept.ring);
  }

  forget(service: string): void {
    this.#rings.delete(service);
  }

  #judge(service: string, ring: Ring): void {
    const rollout = this.#engine.find(service)?.rollout;
    if (rollout === null || rollout === undefined || rollout.ending !== null) return;
    const event = this.#desk.take(rollout, ring);
    if (event !== null) this.#engine.post(service, event, 'bascule');
  }

  /** After a restart: the recorded seconds first, then what the proxy kept for us. */
  async #restored(service: string): Promise<{ ring: Ring; cursor: string | null }> {
    const nowSecond = Math.floor(this.#ports.clock.nowMs() / 1000);
    const rollout = this.#engine.find(service)?.rollout;
    const began = rollout?.spans[0]?.fromSecond ?? nowSecond;
    const ring = new Ring(Math.max(RING_SECONDS, nowSecond - began + RING_SECONDS));
    const [range, cursor] = await Promise.all([
      this.#ports.samples.read({ service, fromSecond: began - BASELINE_SECONDS, toSecond: nowSecond }),
      this.#ports.samples.cursor(service),
    ]);
    ring.add(range);
    const kept = { ring, cursor };
    this.#rings.set(service, kept);
    return kept;
  }

  async #traffic(service: string, cursor: string | null): Promise<TrafficBatch | null> {
    try {
      return await this.#ports.router.traffic(service, cursor);
    } catch (error) {
      // A new service is known before its door is in place.
      if (error instanceof OperatingError && error.code === 'TRAFFIC_NOT_INSTALLED') return null;
      this.#ports.log.warn({ service }, `reading counts: ${messageOf(error)}`);
      return null;
    }
  }
}
