import { messageOf } from '../lib/errors.ts';
import { fillTemplate } from '../release/measure-template.ts';
import type { Measure } from '../release/measure.ts';
import type { Release } from '../release/release.ts';
import type { Rollout } from '../rollout/state.ts';
import type { Measured, MeasuredPoint } from '../metrics/measured.ts';
import {
  noData,
  sourceDown,
  type MeasureQuery,
  type MeasureSample,
  type MeasureWindow,
} from '../metrics/source.ts';
import { nextWindow, windowSeconds, type Due } from './measure-windows.ts';
import type { Ports } from './ports.ts';

/** Questions under way at once, over all services: a source that is slow must not pile them up. */
const MOST_AT_ONCE = 8;
/** What has no value is asked once more while the window after it is not due: values come late. */
const AGAIN_MS = 2000;
/** Longer than any source's own limit: nothing is waited for for ever. */
const DEADLINE_MS = 65_000;
/** Points that wait for the next second of counts; there is one every second. */
const MOST_WAITING = 200;

/** A point as it was measured, before it is known which requests its window had. */
export type Finding = { readonly due: Due; readonly point: Omit<MeasuredPoint, 'window'> };

type Asking = {
  /** Last second that was asked about, or null. */
  after: number | null;
  busy: boolean;
  /** Steady time before which it is not asked again. */
  notBeforeMs: number;
};

type Known = {
  readonly rollout: string;
  readonly measures: Map<string, Asking>;
  readonly stop: AbortController;
  findings: Finding[];
};

type Side = {
  readonly role: MeasureQuery['of']['role'];
  readonly slot: Rollout['candidate'];
  readonly releaseId: string;
  readonly label: string;
};

/**
 * Asks for the measures of rollouts under way, window by window. It never waits for an answer: what came in by the next second of
 * counts goes before the judge with it, so that no source can hold up counting, or the way back.
 */
export class Measuring {
  readonly #ports: Pick<Ports, 'clock' | 'sources' | 'log'>;
  readonly #release: (id: string) => Release | null;
  readonly #services = new Map<string, Known>();
  readonly #underWay = new Set<Promise<void>>();

  constructor(ports: Pick<Ports, 'clock' | 'sources' | 'log'>, release: (id: string) => Release | null) {
    this.#ports = ports;
    this.#release = release;
  }

  /** After a restart: what was measured before is not asked again. */
  resume(service: string, rollout: Rollout, points: readonly MeasuredPoint[]): void {
    const { measures } = this.#known(service, rollout);
    for (const { measure, window } of points) {
      const asking = measures.get(measure);
      if (asking === undefined || window === undefined) continue;
      asking.after = Math.max(asking.after ?? 0, window.toSecond);
    }
  }

  /** Asks what is due, and returns at once. `upToSecond`: the newest second whose counts are there. */
  ask(service: string, rollout: Rollout, upToSecond: number): void {
    if (rollout.from === null || rollout.ending !== null) return this.forget(service);
    const known = this.#known(service, rollout);
    for (const measure of rollout.plan.judge.measures ?? []) {
      const asking = known.measures.get(measure.name)!;
      const nowMs = this.#ports.clock.steadyMs();
      if (asking.busy || nowMs < asking.notBeforeMs || this.#underWay.size >= MOST_AT_ONCE) continue;
      const due = nextWindow(measure, rollout.spans, { after: asking.after, nowMs });
      if (due === null || due.toSecond > upToSecond) continue;
      asking.busy = true;
      const work = this.#measure(known, { service, rollout, measure, due })
        .catch((error: unknown) =>
          this.#ports.log.error({ service, measure: measure.name }, `measuring: ${messageOf(error)}`),
        )
        .finally(() => {
          asking.busy = false;
          this.#underWay.delete(work);
        });
      this.#underWay.add(work);
    }
  }

  /** What came in since the last call, oldest first, each once. */
  drain(service: string): readonly Finding[] {
    const known = this.#services.get(service);
    if (known === undefined) return [];
    const { findings } = known;
    known.findings = [];
    return findings;
  }

  /** Nobody waits for its measures any more. */
  forget(service: string): void {
    this.#services.get(service)?.stop.abort();
    this.#services.delete(service);
  }

  /** Ends what is under way. */
  async stop(): Promise<void> {
    for (const service of this.#services.keys()) this.forget(service);
    await Promise.all(this.#underWay);
  }

  #known(service: string, rollout: Rollout): Known {
    const known = this.#services.get(service);
    if (known?.rollout === rollout.id) return known;
    this.forget(service);
    const measures = new Map<string, Asking>();
    for (const { name } of rollout.plan.judge.measures ?? [])
      measures.set(name, { after: null, busy: false, notBeforeMs: 0 });
    const made: Known = { rollout: rollout.id, measures, stop: new AbortController(), findings: [] };
    this.#services.set(service, made);
    return made;
  }

  async #measure(
    known: Known,
    asked: {
      readonly service: string;
      readonly rollout: Rollout;
      readonly measure: Measure;
      readonly due: Due;
    },
  ): Promise<void> {
    const { service, rollout, measure, due } = asked;
    const asking = known.measures.get(measure.name)!;
    const [mine, theirs] = sidesOf(rollout);
    const needsStable = measure.limit.against !== 'failures' && due.span.sharePercent < 100;
    const [candidate, stable] = await Promise.all([
      this.#sample(service, measure, { side: mine, due, stop: known.stop.signal }),
      needsStable
        ? this.#sample(service, measure, { side: theirs, due, stop: known.stop.signal })
        : Promise.resolve(noData('not asked')),
    ]);
    if (known.stop.signal.aborted) return;
    const matters = measure.limit.against === 'stable' ? [candidate, stable] : [candidate];
    const nowMs = this.#ports.clock.steadyMs();
    if (matters.some(({ kind }) => kind === 'none') && !isLastChance(measure, due, nowMs)) {
      asking.notBeforeMs = nowMs + AGAIN_MS;
      return;
    }
    asking.after = due.toSecond;
    const says = wordsOf(measure, candidate, stable);
    const point = {
      measure: measure.name,
      candidate: measuredOf(candidate),
      stable: measuredOf(stable),
      ...(says !== null && { says }),
    };
    known.findings = [...known.findings, { due, point }].slice(-MOST_WAITING);
  }

  async #sample(
    service: string,
    measure: Measure,
    at: { readonly side: Side; readonly due: Due; readonly stop: AbortSignal },
  ): Promise<MeasureSample> {
    const source = this.#ports.sources.of(measure);
    if (typeof source === 'string') return sourceDown(source);
    const window = this.#wallWindow(at.due);
    const { role, slot, label, releaseId } = at.side;
    const of = { service, slot, role, version: label, release: this.#release(releaseId) };
    const signal = AbortSignal.any([at.stop, AbortSignal.timeout(DEADLINE_MS)]);
    try {
      return await source.sample(queryOf(measure, of, window), window, signal);
    } catch {
      // A bug in the source. Its message may hold what was asked with, and is not shown.
      this.#ports.log.error({ service, measure: measure.name }, `the source ${measure.source} has a bug`);
      return sourceDown('the source failed, which is a bug in Bascule');
    }
  }

  /** Seconds of counts are steady time; sources have the wall clock's. */
  #wallWindow({ fromSecond, toSecond }: Due): MeasureWindow {
    const aheadMs = this.#ports.clock.nowMs() - this.#ports.clock.steadyMs();
    return { fromMs: fromSecond * 1000 + aheadMs, toMs: (toSecond + 1) * 1000 + aheadMs };
  }
}

/** The query with every place filled in. */
export function queryOf(measure: Measure, of: MeasureQuery['of'], window: MeasureWindow): MeasureQuery {
  const seconds = windowSeconds(measure.intervalMs);
  const text = fillTemplate(measure.ask, {
    version: of.version,
    slot: of.slot,
    role: of.role,
    service: of.service,
    window: `${seconds}s`,
    seconds: String(seconds),
    from: String(Math.round(window.fromMs / 1000)),
    to: String(Math.round(window.toMs / 1000)),
  });
  return {
    text,
    path: measure.path,
    fold: measure.kind === 'count' ? 'sum' : 'mean',
    range: measure.range,
    answer: measure.limit.against === 'failures' ? 'exit-code' : 'number',
    of,
  };
}

function sidesOf({ candidate, releaseId, label, from }: Rollout): readonly [Side, Side] {
  const stable = from ?? { slot: candidate, releaseId, label };
  return [
    { role: 'candidate', slot: candidate, releaseId, label },
    { role: 'stable', slot: stable.slot, releaseId: stable.releaseId, label: stable.label },
  ];
}

/** A source without memory has nothing better later; of others, the next window is due by then. */
function isLastChance({ delayMs, intervalMs, source }: Measure, due: Due, nowMs: number): boolean {
  if (source === 'command' || source === 'pushed' || source === 'json') return true;
  return nowMs + AGAIN_MS >= (due.toSecond + 1) * 1000 + delayMs + intervalMs;
}

function measuredOf(sample: MeasureSample): Measured {
  return sample.kind === 'value' ? sample.value : sample.why;
}

/** `stable: the query gives no series`, or what a failed command said. */
function wordsOf(measure: Measure, candidate: MeasureSample, stable: MeasureSample): string | null {
  if (candidate.kind === 'none') return `candidate: ${candidate.says}`;
  if (stable.kind === 'none' && measure.limit.against === 'stable') return `stable: ${stable.says}`;
  return candidate.says ?? null;
}
