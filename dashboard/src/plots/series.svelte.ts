import type { Rollout, SeriesPoint } from '../api/api-types.ts';
import { ask, Refused } from '../api/client.ts';
import { whyNot } from '../api/live.svelte.ts';

const MOST_POINTS = 1200;

/** How a rollout came to where it is: what the server recorded, and from then on what the stream tells. */
export class RolloutSeries {
  points = $state.raw<readonly SeriesPoint[]>([]);
  isLoaded = $state(false);
  /** Why there is nothing to show, or null. */
  nothing = $state<string | null>(null);
  #traffic: NonNullable<Rollout['traffic']> | null = null;

  async load(id: string): Promise<void> {
    try {
      const { series } = await ask('GET /rollouts/{rollout}/series', { params: { rollout: id } });
      const last = series.points.at(-1)?.atMs ?? 0;
      this.points = [...series.points, ...this.points.filter(({ atMs }) => atMs > last)];
      this.nothing = null;
    } catch (error) {
      if (error instanceof Refused || this.points.length === 0) this.nothing = whyNot(error);
    }
    this.isLoaded = true;
  }

  /** What the stream says of it now. */
  add(rollout: Rollout, nowMs: number): void {
    const { verdict, traffic, sharePercent, phase } = rollout;
    const before = this.#traffic;
    this.#traffic = traffic;
    if (verdict === null || traffic === null || before === null || rollout.endedAtMs !== null) return;
    const last = this.points.at(-1)?.atMs ?? 0;
    if (nowMs - last < 900) return;
    const since = (side: 'stable' | 'candidate') => ({
      requests: traffic[side].requests - before[side].requests,
      failed: traffic[side].failed - before[side].failed,
    });
    const [stable, candidate] = [since('stable'), since('candidate')];
    const all = stable.requests + candidate.requests;
    const isShared = phase === 'dwelling' && verdict.share.askedPercent === sharePercent;
    const point: SeriesPoint = {
      atMs: nowMs,
      askedPercent: phase === 'shifting' ? null : sharePercent,
      seenPercent: all <= 0 ? null : (100 * candidate.requests) / all,
      stable,
      candidate,
      overall: isShared ? verdict.overall : null,
      checks: isShared ? verdict.checks : [],
      ...(isShared && verdict.measures !== undefined && { measures: verdict.measures }),
      ...(isShared && { looks: verdict.looks }),
    };
    this.points = [...this.points, point].slice(-MOST_POINTS);
    this.nothing = null;
  }
}
