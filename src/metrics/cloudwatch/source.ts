import type { SourceConnection } from '../../release/source-connection.ts';
import { askWith } from '../asking.ts';
import type { Reveal } from '../credentials.ts';
import { placeOf } from '../http-client.ts';
import { jsonOf, type JsonAnswer } from '../json-answer.ts';
import type { MeasureWindow, MetricSource } from '../source.ts';
import { readAnswer } from './answer.ts';
import { signedHeaders } from './signature.ts';

type Connection = Extract<SourceConnection, { kind: 'cloudwatch' }>;

const MINUTE_MS = 60_000;

/** CloudWatch's GetMetricData with one expression, over JSON, signed. `nowMs`: for the date in the signature. */
export function cloudwatchSource(
  connection: Connection,
  reveal: Reveal,
  nowMs: () => number = Date.now,
): MetricSource {
  const url = new URL(`${connection.url}/`);

  async function ask(expression: string, window: MeasureWindow, signal: AbortSignal): Promise<JsonAnswer> {
    const body = JSON.stringify({
      StartTime: window.fromMs / 1000,
      EndTime: window.toMs / 1000,
      ScanBy: 'TimestampAscending',
      MetricDataQueries: [{ Id: 'measure', Expression: expression, Period: 60 }],
    });
    const question = async () => ({
      method: 'POST' as const,
      url,
      headers: await signed(body),
      body,
    });
    return jsonOf(await askWith(connection, question, signal), placeOf(url));
  }

  async function signed(body: string): Promise<Record<string, string>> {
    const { accessKeyId, secretAccessKey, sessionToken, region } = connection;
    const token = sessionToken === null ? {} : { 'x-amz-security-token': await reveal(sessionToken) };
    return signedHeaders({
      host: url.host,
      region,
      service: 'monitoring',
      body,
      headers: {
        'content-type': 'application/x-amz-json-1.0',
        'x-amz-target': 'GraniteServiceVersion20100801.GetMetricData',
        ...token,
      },
      accessKeyId: await reveal(accessKeyId),
      secretAccessKey: await reveal(secretAccessKey),
      nowMs: nowMs(),
    });
  }

  return {
    async sample(query, asked, signal) {
      const window = wholeMinutes(asked);
      const answer = await ask(query.text, window, signal);
      return readAnswer(answer, placeOf(url), { fold: query.fold, window });
    },
    async check(signal) {
      const toMs = Math.floor(nowMs() / MINUTE_MS) * MINUTE_MS;
      const window = { fromMs: toMs - MINUTE_MS, toMs };
      const found = readAnswer(await ask('TIME_SERIES(1)', window, signal), placeOf(url), {
        fold: 'mean',
        window,
      });
      return found.kind === 'none' && found.why === 'unreachable' ? found.says : null;
    },
  };
}

/**
 * Values stand for whole minutes there. Windows are moved to the next one, all alike, so that none of them has a minute twice, and
 * none one of before the share.
 */
function wholeMinutes({ fromMs, toMs }: MeasureWindow): MeasureWindow {
  return { fromMs: nextMinute(fromMs), toMs: nextMinute(toMs) };
}

function nextMinute(ms: number): number {
  return Math.ceil(ms / MINUTE_MS) * MINUTE_MS;
}
