import type { SourceConnection } from '../../release/source-connection.ts';
import { askWith } from '../asking.ts';
import type { Reveal } from '../credentials.ts';
import { placeOf } from '../http-client.ts';
import { jsonOf, type JsonAnswer } from '../json-answer.ts';
import type { MeasureWindow, MetricSource } from '../source.ts';
import { readAnswer } from './answer.ts';

type Connection = Extract<SourceConnection, { kind: 'datadog' }>;

/** Datadog's metrics queries. Both ends of the time asked for are included there, so that the last second is not. */
export function datadogSource(connection: Connection, reveal: Reveal): MetricSource {
  const base = new URL(`${connection.url}/api/v1/query`);

  async function ask(query: string, window: MeasureWindow, signal: AbortSignal): Promise<JsonAnswer> {
    const url = new URL(base);
    url.search = new URLSearchParams({
      from: String(Math.round(window.fromMs / 1000)),
      to: String(Math.round(window.toMs / 1000) - 1),
      query,
    }).toString();
    const question = async () => ({
      method: 'GET' as const,
      url,
      headers: {
        'dd-api-key': await reveal(connection.apiKey),
        'dd-application-key': await reveal(connection.appKey),
      },
      body: null,
    });
    return jsonOf(await askWith(connection, question, signal), placeOf(base));
  }

  return {
    async sample(query, window, signal) {
      return readAnswer(await ask(query.text, window, signal), placeOf(base), { fold: query.fold, window });
    },
    async check(signal) {
      const now = Date.now();
      const window = { fromMs: now - 60_000, toMs: now };
      const answer = await ask('avg:system.cpu.user{*}', window, signal);
      const found = readAnswer(answer, placeOf(base), { fold: 'mean', window });
      return found.kind === 'none' && found.why === 'unreachable' ? found.says : null;
    },
  };
}
