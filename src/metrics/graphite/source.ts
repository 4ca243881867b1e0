import type { SourceConnection } from '../../release/source-connection.ts';
import { askWith } from '../asking.ts';
import { authorization, type Reveal } from '../credentials.ts';
import { placeOf, type HttpAnswer } from '../http-client.ts';
import type { MeasureWindow, MetricSource } from '../source.ts';
import { readAnswer } from './answer.ts';

type Connection = Extract<SourceConnection, { kind: 'prometheus' | 'graphite' | 'json' }>;

/** Graphite's render API. Its `from` is not included in what it gives, `until` is. */
export function graphiteSource(connection: Connection, reveal: Reveal): MetricSource {
  const url = new URL(`${connection.url}/render`);

  function ask(target: string, window: MeasureWindow, signal: AbortSignal): Promise<HttpAnswer> {
    const parameters = {
      target,
      from: String(Math.round(window.fromMs / 1000)),
      until: String(Math.round(window.toMs / 1000)),
      format: 'json',
    };
    const question = async () => ({
      method: 'POST' as const,
      url,
      headers: {
        ...(await authorization(connection.auth, reveal)),
        'content-type': 'application/x-www-form-urlencoded',
      },
      body: new URLSearchParams(parameters).toString(),
    });
    return askWith(connection, question, signal);
  }

  return {
    async sample(query, window, signal) {
      return readAnswer(await ask(query.text, window, signal), placeOf(url), query.fold);
    },
    async check(signal) {
      const now = Date.now();
      const answer = await ask('constantLine(1)', { fromMs: now - 60_000, toMs: now }, signal);
      const found = readAnswer(answer, placeOf(url), 'mean');
      return found.kind === 'none' && found.why === 'unreachable' ? found.says : null;
    },
  };
}
