import {
  noData,
  sampleOf,
  type MeasureSample,
  type MetricSource,
  type PushedValue,
  type PushedValues,
} from '../source.ts';

/** Names of all versions together that are kept of one service: more are refused by what keeps them, the oldest first. */
const MOST_NAMES = 200;
/** A window and its delay are at most twenty minutes. */
const KEPT_SECONDS = 1500;
const MOST_SERVICES = 2000;

type Second = { sum: number; count: number };
type Series = Map<number, Second>;

/**
 * What applications send, by the second in which it came, in memory: a restart of the server loses it, and what is lost is no data.
 * `nowMs`: the wall clock, by which windows are.
 */
export function pushedSource(nowMs: () => number): MetricSource & PushedValues {
  const services = new Map<string, Map<string, Series>>();

  function add({ service, version, name, sum, count }: PushedValue): void {
    const known = services.get(service) ?? new Map<string, Series>();
    // The newest last, so that what makes room is what nobody sent anything to for the longest time.
    services.delete(service);
    services.set(service, known);
    trim(services, MOST_SERVICES);
    const key = keyOf(version, name);
    const series: Series = known.get(key) ?? new Map();
    known.delete(key);
    known.set(key, series);
    trim(known, MOST_NAMES);
    const second = Math.floor(nowMs() / 1000);
    const before = series.get(second) ?? { sum: 0, count: 0 };
    series.set(second, { sum: before.sum + sum, count: before.count + count });
    for (const old of series.keys()) {
      if (old >= second - KEPT_SECONDS) break;
      series.delete(old);
    }
  }

  return {
    add: (values) => values.forEach(add),
    sample({ text, fold, of }, { fromMs, toMs }): Promise<MeasureSample> {
      const series = services.get(of.service)?.get(keyOf(of.version, text));
      const within = [...(series ?? [])].filter(
        ([second]) => second >= fromMs / 1000 && second < toMs / 1000,
      );
      if (within.length === 0) return Promise.resolve(noData(`${of.version} sent nothing called ${text}`));
      const sum = within.reduce((all, [, one]) => all + one.sum, 0);
      const count = within.reduce((all, [, one]) => all + one.count, 0);
      return Promise.resolve(sampleOf(fold === 'sum' ? sum : sum / count, count));
    },
    check: () => Promise.resolve(null),
  };
}

function keyOf(version: string, name: string): string {
  return `${name} ${version}`;
}

function trim(map: Map<string, unknown>, most: number): void {
  for (const key of map.keys()) {
    if (map.size <= most) return;
    map.delete(key);
  }
}
