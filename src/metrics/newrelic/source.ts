import type { SourceConnection } from '../../release/source-connection.ts';
import { askWith } from '../asking.ts';
import type { Reveal } from '../credentials.ts';
import { placeOf } from '../http-client.ts';
import { jsonOf, type JsonAnswer } from '../json-answer.ts';
import type { MetricSource } from '../source.ts';
import { readAnswer } from './answer.ts';

type Connection = Extract<SourceConnection, { kind: 'newrelic' }>;

const ASK =
  'query($account: Int!, $nrql: Nrql!) { actor { account(id: $account) { nrql(query: $nrql) { results } } } }';

/** NRQL through NerdGraph. SINCE and UNTIL take milliseconds, and the end is not included. */
export function newrelicSource(connection: Connection, reveal: Reveal): MetricSource {
  const url = new URL(`${connection.url}/graphql`);

  async function ask(nrql: string, signal: AbortSignal): Promise<JsonAnswer> {
    const question = async () => ({
      method: 'POST' as const,
      url,
      headers: { 'api-key': await reveal(connection.apiKey), 'content-type': 'application/json' },
      body: JSON.stringify({ query: ASK, variables: { account: connection.account, nrql } }),
    });
    return jsonOf(await askWith(connection, question, signal), placeOf(url));
  }

  return {
    async sample({ text }, { fromMs, toMs }, signal) {
      const nrql = `${text} SINCE ${Math.round(fromMs)} UNTIL ${Math.round(toMs)}`;
      return readAnswer(await ask(nrql, signal), placeOf(url));
    },
    async check(signal) {
      const found = readAnswer(
        await ask('SELECT count(*) FROM Transaction SINCE 1 minute ago', signal),
        placeOf(url),
      );
      return found.kind === 'none' && found.why === 'unreachable' ? found.says : null;
    },
  };
}
