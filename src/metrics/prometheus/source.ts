import type { SourceConnection } from '../../release/source-connection.ts';
import { askWith } from '../asking.ts';
import { authorization, type Reveal } from '../credentials.ts';
import { placeOf } from '../http-client.ts';
import { jsonOf, type JsonAnswer } from '../json-answer.ts';
import type { MeasureQuery, MeasureWindow, MetricSource } from '../source.ts';
import { readAnswer } from './answer.ts';

type Connection = Extract<SourceConnection, { kind: 'prometheus' | 'graphite' | 'json' }>;

/** Points that a range is asked in: enough for a mean, and far below the 11,000 that Prometheus allows. */
const POINTS = 30;
const LEAST_STEP_SECONDS = 1;

/** Prometheus, and what speaks its query API (Thanos, Mimir, VictoriaMetrics). */
export function prometheusSource(connection: Connection, reveal: Reveal): MetricSource {
  const base = `${connection.url}/api/v1`;
  const place = placeOf(new URL(base));

  async function ask(
    path: string,
    parameters: Record<string, string>,
    signal: AbortSignal,
  ): Promise<JsonAnswer> {
    // Posted: a query may be longer than what proxies take in an address.
    const question = async () => ({
      method: 'POST' as const,
      url: new URL(`${base}/${path}`),
      headers: {
        ...(await authorization(connection.auth, reveal)),
        'content-type': 'application/x-www-form-urlencoded',
      },
      body: new URLSearchParams({ ...parameters, timeout: `${connection.timeoutMs}ms` }).toString(),
    });
    return jsonOf(await askWith(connection, question, signal), place);
  }

  return {
    async sample(query, window, signal) {
      const answer = query.range
        ? await ask('query_range', rangeOf(query, window), signal)
        : await ask('query', { query: query.text, time: String(window.toMs / 1000) }, signal);
      return readAnswer(answer, place, query.fold);
    },
    async check(signal) {
      const found = readAnswer(await ask('query', { query: 'vector(1)' }, signal), place, 'mean');
      return found.kind === 'value' ? null : found.says;
    },
  };
}

/** Both ends of a range are included: the first point is a step after the window's start. */
function rangeOf({ text }: MeasureQuery, { fromMs, toMs }: MeasureWindow): Record<string, string> {
  const seconds = (toMs - fromMs) / 1000;
  const step = Math.max(LEAST_STEP_SECONDS, seconds / POINTS);
  return { query: text, start: String(fromMs / 1000 + step), end: String(toMs / 1000), step: String(step) };
}
