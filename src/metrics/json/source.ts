import type { SourceConnection } from '../../release/source-connection.ts';
import { askWith } from '../asking.ts';
import { authorization, type Reveal } from '../credentials.ts';
import { placeOf, type HttpAnswer } from '../http-client.ts';
import { jsonOf } from '../json-answer.ts';
import { sourceDown, type MetricSource } from '../source.ts';
import { readAnswer } from './answer.ts';

type Connection = Extract<SourceConnection, { kind: 'prometheus' | 'graphite' | 'json' }>;

const WHOLE = { timeoutMs: 5000, caFile: null } as const;

/** A JSON answer of anything: below the address of a connection and with its credentials, or of a whole URL and without any. */
export function jsonSource(connection: Connection | null, reveal: Reveal): MetricSource {
  async function ask(url: URL, signal: AbortSignal): Promise<HttpAnswer> {
    const question = async () => ({
      method: 'GET' as const,
      url,
      headers: connection === null ? {} : await authorization(connection.auth, reveal),
      body: null,
    });
    return askWith(connection ?? WHOLE, question, signal);
  }

  return {
    async sample({ text, path }, _window, signal) {
      const url = urlOf(connection, text);
      if (url === null) return sourceDown('what is asked is no http or https URL');
      return readAnswer(jsonOf(await ask(url, signal), placeOf(url)), placeOf(url), path ?? '@');
    },
    async check(signal) {
      if (connection === null) return null;
      const url = new URL(`${connection.url}/`);
      const answer = await ask(url, signal);
      if (answer.kind === 'failed') return answer.why;
      // What stands at its root is nobody's business; whether it takes us is.
      return [401, 403].includes(answer.status) || answer.status >= 500
        ? `${placeOf(url)} answered ${answer.status}`
        : null;
    },
  };
}

/** Credentials never leave the connection's own origin, whatever the rest of the address is. */
function urlOf(connection: Connection | null, text: string): URL | null {
  const whole = connection === null ? text : `${connection.url}${text.startsWith('/') ? '' : '/'}${text}`;
  if (!URL.canParse(whole)) return null;
  const url = new URL(whole);
  const isOurs = connection === null || url.origin === new URL(connection.url).origin;
  const isPlain = ['http:', 'https:'].includes(url.protocol) && url.username === '' && url.password === '';
  return isOurs && isPlain ? url : null;
}
