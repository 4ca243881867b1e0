import type { CheckResult } from '../judge/describe.ts';
import type { Verdict } from '../judge/verdict.ts';
import type { Rollout } from '../rollout/state.ts';
import type { Ring } from './ring.ts';
import type { SeriesCheck, SeriesLook, SeriesMeasure, SeriesPoint, SeriesView } from './series-view.ts';
import { spanAt, verdictIn, type Session } from './session.ts';
import { newSides, addTo, type Sides } from './sides.ts';

/** As many as a plot has room for. */
const MOST_POINTS = 240;

/** Follows a replay and keeps what a plot shows of it. */
export class Series {
  readonly #rollout: Rollout;
  readonly #everySeconds: number;
  readonly #points: SeriesPoint[] = [];
  readonly #wallOf: (second: number) => number;
  #sides: Sides = newSides();

  constructor(rollout: Rollout, toSecond: number, wallOf: (second: number) => number) {
    this.#rollout = rollout;
    this.#wallOf = wallOf;
    const seconds = toSecond - (rollout.spans[0]?.fromSecond ?? toSecond) + 1;
    this.#everySeconds = Math.max(1, Math.ceil(seconds / MOST_POINTS));
  }

  look(session: Session, ring: Ring): void {
    const second = session.upTo;
    addTo(this.#sides, this.#rollout.candidate, ring.second(second).replicas);
    const first = this.#rollout.spans[0]!.fromSecond;
    if ((second - first + 1) % this.#everySeconds !== 0) return;
    const [stable, candidate] = [this.#sides.stable.view(), this.#sides.candidate.view()];
    this.#sides = newSides();
    const span = spanAt(this.#rollout, second);
    const isShared = span !== null && span.early === undefined && span.sharePercent < 100;
    const verdict = isShared ? verdictIn(session) : null;
    const all = stable.requests + candidate.requests;
    this.#points.push({
      atMs: this.#wallOf(second + 1),
      askedPercent: span === null ? null : span.early === undefined ? span.sharePercent : 0,
      seenPercent: all === 0 ? null : (100 * candidate.requests) / all,
      stable: { requests: stable.requests, failed: stable.failed },
      candidate: { requests: candidate.requests, failed: candidate.failed },
      overall: verdict?.overall ?? null,
      checks: verdict === null ? [] : verdict.checks.map(seriesCheck),
      ...(verdict !== null && otherParts(verdict)),
    });
  }

  view(): SeriesView {
    return { rollout: this.#rollout.id, everySeconds: this.#everySeconds, points: this.#points };
  }
}

function seriesCheck(check: Verdict['checks'][number]): SeriesCheck {
  const { name, unit, candidate, stable, difference, interval, limit, state }: CheckResult = check;
  return { name, unit, candidate, stable, difference, interval, limit, state };
}

/** What comes from elsewhere or is judged by other means, where there is any. */
function otherParts({ measures = [], looks }: Verdict): Pick<SeriesPoint, 'measures' | 'looks'> {
  return {
    ...(measures.length > 0 && { measures: measures.map(seriesMeasure) }),
    ...(looks.length > 0 && { looks: looks.map(({ name, state }): SeriesLook => ({ name, state })) }),
  };
}

function seriesMeasure(measure: NonNullable<Verdict['measures']>[number]): SeriesMeasure {
  const { name, kind, limit, candidate, stable, difference, interval, state } = measure;
  return { name, kind, limit, candidate, stable, difference, interval, state };
}
