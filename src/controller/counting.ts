import { messageOf, OperatingError } from '../lib/errors.ts';
import type { Rollout } from '../rollout/state.ts';
import type { TrafficBatch } from '../traffic/counts.ts';
import { apartOf, type ApartSecond } from '../traffic/counts-row.ts';
import type { Finding, Measuring } from './measuring.ts';
import type { Desk } from './desk.ts';
import type { Engine } from './engine.ts';
import type { Ports } from './ports.ts';
import type { MeasuredPoint, MeasuredSecond } from '../metrics/measured.ts';
import type { ProxyTotals } from './proxy-totals.ts';
import { Ring } from './ring.ts';
import { BASELINE_SECONDS } from './session.ts';

/** Seconds of counts kept in memory: the longest baseline, and slack for a pause of the controller. */
const RING_SECONDS = BASELINE_SECONDS + 300;
/** Recorded seconds read at once after a restart: a rollout may have gone on for days. */
const CHUNK_SECONDS = 300;

type Kept = { readonly ring: Ring; cursor: string | null };

/** Brings counts from the proxy into the samples and before the judge, in order, each second once. */
export class Counting {
  readonly #ports: Ports;
  readonly #engine: Engine;
  readonly #desk: Desk;
  readonly #measuring: Measuring;
  readonly #totals: ProxyTotals;
  readonly #rings = new Map<string, Kept>();

  constructor(
    ports: Ports,
    engine: Engine,
    parts: { readonly desk: Desk; readonly measuring: Measuring; readonly totals: ProxyTotals },
  ) {
    this.#ports = ports;
    this.#engine = engine;
    this.#desk = parts.desk;
    this.#measuring = parts.measuring;
    this.#totals = parts.totals;
  }

  async take(service: string): Promise<void> {
    const kept = this.#rings.get(service) ?? (await this.#restored(service));
    const batch = await this.#traffic(service, kept.cursor);
    if (batch === null) return;
    await this.#engine.turn();
    if (batch.lost !== null) this.#engine.post(service, { kind: 'countsLost', ...batch.lost }, 'bascule');
    kept.cursor = batch.cursor;
    this.#totals.add(service, batch);
    const measured = this.#measured(service, kept.ring, batch.upToSecond);
    const before = this.#engine.find(service)?.rollout;
    const apart = apartFor(before ?? null, batch);
    this.#ports.samples.append({
      service,
      ...batch,
      ...(apart.length > 0 && { apart }),
      ...(measured.length > 0 && { measured }),
    });
    if (batch.failed !== undefined && before) this.#desk.noteFailed(before, batch.failed);
    // In pieces: the ring would forget the first seconds of a long pause before they are judged.
    for (const piece of piecesOf({ ...batch, apart, measured }, kept.ring.upTo)) {
      kept.ring.add(piece);
      this.#judge(service, kept.ring);
    }
    const rollout = this.#engine.find(service)?.rollout ?? null;
    if (rollout !== null) this.#measuring.ask(service, rollout, batch.upToSecond);
  }

  /** What came in of measures goes into a second that nobody has judged yet; while there is none it waits. */
  #measured(service: string, ring: Ring, upToSecond: number): readonly MeasuredSecond[] {
    const rollout = this.#engine.find(service)?.rollout ?? null;
    if (rollout === null || ring.upTo === null || upToSecond <= ring.upTo) return [];
    return this.#measuring
      .drain(service)
      .map((finding) => ({ second: upToSecond, point: pointOf(finding, ring, rollout) }));
  }

  forget(service: string): void {
    this.#measuring.forget(service);
    this.#totals.forget(service);
    this.#rings.delete(service);
  }

  #judge(service: string, ring: Ring): void {
    const rollout = this.#engine.find(service)?.rollout;
    if (rollout === null || rollout === undefined || rollout.ending !== null) return;
    const event = this.#desk.take(rollout, ring);
    if (event !== null) this.#engine.post(service, event, 'bascule');
  }

  /**
   * After a restart: the recorded seconds first, judged in pieces as they were judged live, then what the proxy kept for us.
   */
  async #restored(service: string): Promise<Kept> {
    const { samples, clock } = this.#ports;
    const nowSecond = Math.floor(clock.steadyMs() / 1000);
    const rollout = this.#engine.find(service)?.rollout ?? null;
    const began = rollout?.spans[0]?.fromSecond ?? nowSecond;
    const ring = new Ring(RING_SECONDS);
    const cursor = await samples.cursor(service);
    if (cursor !== null) await this.#refold(service, ring, { rollout, began });
    const kept = { ring, cursor };
    this.#rings.set(service, kept);
    return kept;
  }

  async #refold(
    service: string,
    ring: Ring,
    { rollout, began }: { readonly rollout: Rollout | null; readonly began: number },
  ): Promise<void> {
    const from = began - BASELINE_SECONDS;
    const newest =
      (await this.#ports.samples.read({ service, fromSecond: from, toSecond: from })).upToSecond ?? 0;
    for (let fromSecond = from; fromSecond <= newest; fromSecond += CHUNK_SECONDS) {
      const toSecond = Math.min(fromSecond + CHUNK_SECONDS - 1, newest);
      const range = await this.#ports.samples.read({ service, fromSecond, toSecond });
      // Sums of whole minutes would look like one second with sixty times the traffic.
      const whole = (row: { readonly second: number }): boolean => row.second >= (range.minutesUntil ?? 0);
      const [replicas, identities] = [range.replicas.filter(whole), range.identities.filter(whole)];
      const measured = (range.measured ?? []).filter(whole);
      const apart = (range.apart ?? []).filter(whole);
      ring.add({ replicas, identities, apart, measured, upToSecond: toSecond });
      if (rollout !== null) {
        const points = measured.map(({ point }) => point);
        this.#measuring.resume(service, rollout, points);
      }
      const now = this.#engine.find(service)?.rollout;
      if (rollout !== null && now?.id === rollout.id && now.ending === null) this.#desk.take(now, ring);
    }
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

/** Of what is not users' traffic, that by which this rollout is judged. */
function apartFor(rollout: Rollout | null, batch: TrafficBatch): readonly ApartSecond[] {
  const kinds = new Set((rollout?.plan.steps ?? []).map(({ kind }) => kind));
  if (!kinds.has('mirror') && !kinds.has('header-only')) return [];
  const { overrides, ...mirror } = batch;
  return apartOf(kinds.has('header-only') && overrides !== undefined ? { ...mirror, overrides } : mirror);
}

function pointOf({ due, point }: Finding, ring: Ring, { candidate }: Rollout): MeasuredPoint {
  const { span, fromSecond, toSecond } = due;
  const rows = ring.replicas(fromSecond, toSecond);
  const sum = (isMine: boolean): number =>
    rows.reduce((all, row) => all + ((row.slot === candidate) === isMine ? row.requests : 0), 0);
  return {
    ...point,
    window: {
      fromSecond,
      toSecond,
      stepIndex: span.stage,
      askedSharePercent: span.sharePercent,
      requests: [sum(true), sum(false)],
    },
  };
}

type Piece = Parameters<Ring['add']>[0];

function piecesOf(
  batch: TrafficBatch & {
    readonly apart: readonly ApartSecond[];
    readonly measured: readonly MeasuredSecond[];
  },
  upTo: number | null,
): readonly Piece[] {
  const { replicas, identities, apart, measured, upToSecond } = batch;
  if (upTo === null || upToSecond - upTo <= CHUNK_SECONDS) return [batch];
  const pieces: Piece[] = [];
  for (let from = upTo + 1; from <= upToSecond; from += CHUNK_SECONDS) {
    const toSecond = Math.min(from + CHUNK_SECONDS - 1, upToSecond);
    const isFirst = pieces.length === 0;
    const isIn = ({ second }: { readonly second: number }): boolean =>
      second <= toSecond && (isFirst || second >= from);
    pieces.push({
      replicas: replicas.filter(isIn),
      identities: identities.filter(isIn),
      apart: apart.filter(isIn),
      measured: measured.filter(isIn),
      upToSecond: toSecond,
    });
  }
  return pieces;
}
