import { readFile } from 'node:fs/promises';
import http from 'node:http';
import https from 'node:https';
import { shortened } from './source.ts';

/**
 * One bounded request. No redirect is followed but to the same origin, so that a token never goes elsewhere; no proxy of the
 * environment is used; nothing is retried: the next window asks again.
 */
export type HttpAsk = {
  readonly method: 'GET' | 'POST' | 'PATCH';
  readonly url: URL;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string | null;
  readonly timeoutMs: number;
  /** PEM file of the only authorities that are trusted, or null for those that Node knows. Read anew each time. */
  readonly caFile: string | null;
};

export type HttpAnswer =
  | {
      readonly kind: 'answer';
      readonly status: number;
      readonly text: string;
      /** As it was sent; absent where it was not. */
      readonly retryAfter?: string;
    }
  /** `why` names the place and what happened, never a header or a query. `isFinal`: it sends us on, and will again. */
  | { readonly kind: 'failed'; readonly why: string; readonly isFinal?: true };

export const MOST_ANSWER_BYTES = 1024 * 1024;
const MOST_REDIRECTS = 3;
const REDIRECTS: ReadonlySet<number> = new Set([301, 302, 307, 308]);

export async function askHttp(ask: HttpAsk, signal: AbortSignal): Promise<HttpAnswer> {
  const limit = AbortSignal.any([signal, AbortSignal.timeout(ask.timeoutMs)]);
  let ca: string | null;
  try {
    ca = ask.caFile === null ? null : await readFile(ask.caFile, 'utf8');
  } catch (error) {
    return failed(`the CA file ${ask.caFile} cannot be read (${codeOf(error)})`);
  }
  let { url } = ask;
  for (let redirects = 0; ; redirects += 1) {
    const step = await askOnce({ ...ask, url }, ca, limit);
    if (step.kind !== 'moved') return step.kind === 'failed' && limit.aborted ? late(ask) : step;
    const next = URL.canParse(step.to, url.href) ? new URL(step.to, url) : null;
    if (next === null || next.origin !== url.origin)
      return sentOn(
        `${placeOf(url)} sends us on to another place (${shortened(next?.origin ?? 'no URL')}), which is not followed`,
      );
    if (ask.method !== 'GET' || redirects === MOST_REDIRECTS)
      return sentOn(`${placeOf(url)} sends us on and on`);
    url = next;
  }
}

type Step = HttpAnswer | { readonly kind: 'moved'; readonly to: string };

function send(ask: HttpAsk, ca: string | null, signal: AbortSignal): Promise<Step> {
  const { url, method, headers, body } = ask;
  const isTls = url.protocol === 'https:';
  return new Promise((resolve) => {
    const options = {
      method,
      signal,
      headers: { accept: 'application/json', ...headers, ...lengthOf(body) },
      // A connection of its own: no pool that is kept warm, no proxy that the environment names.
      agent: isTls ? new https.Agent({ keepAlive: false }) : new http.Agent({ keepAlive: false }),
      ...(ca === null ? {} : { ca }),
    };
    const request = (isTls ? https.request : http.request)(url, options, (response) => {
      const status = response.statusCode ?? 0;
      const { location, 'retry-after': retryAfter } = response.headers;
      if (REDIRECTS.has(status) && location !== undefined) {
        response.destroy();
        resolve({ kind: 'moved', to: location });
        return;
      }
      void bodyOf(response, url).then((text) =>
        resolve(
          typeof text === 'string'
            ? { kind: 'answer', status, text, ...(retryAfter !== undefined && { retryAfter }) }
            : text,
        ),
      );
    });
    request.on('error', (error) => resolve(failed(`${placeOf(url)} cannot be asked: ${codeOf(error)}`)));
    request.end(body ?? undefined);
  });
}

/** A header that cannot be sent (a token with a line break in it) is thrown at once. */
async function askOnce(ask: HttpAsk, ca: string | null, signal: AbortSignal): Promise<Step> {
  try {
    return await send(ask, ca, signal);
  } catch (error) {
    return failed(`${placeOf(ask.url)} cannot be asked: ${codeOf(error)}`);
  }
}

async function bodyOf(response: http.IncomingMessage, url: URL): Promise<string | HttpAnswer> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  try {
    for await (const chunk of response as AsyncIterable<Buffer>) {
      bytes += chunk.length;
      if (bytes > MOST_ANSWER_BYTES) {
        response.destroy();
        return failed(`${placeOf(url)} answered with more than ${MOST_ANSWER_BYTES / 1024} KiB`);
      }
      chunks.push(chunk);
    }
  } catch (error) {
    return failed(`${placeOf(url)} broke off its answer: ${codeOf(error)}`);
  }
  return Buffer.concat(chunks).toString('utf8');
}

function lengthOf(body: string | null): Record<string, string> {
  return body === null ? {} : { 'content-length': String(Buffer.byteLength(body)) };
}

function late({ url, timeoutMs }: HttpAsk): HttpAnswer {
  return failed(`${placeOf(url)} did not answer within ${timeoutMs}ms`);
}

function failed(why: string): HttpAnswer {
  return { kind: 'failed', why };
}

function sentOn(why: string): HttpAnswer {
  return { kind: 'failed', why, isFinal: true };
}

/** Scheme, host and port alone: a path or query may hold what is nobody's business. */
export function placeOf(url: URL): string {
  return url.origin;
}

/** Codes, not messages: those may quote what was sent. */
function codeOf(error: unknown): string {
  const { code } = error as { readonly code?: unknown };
  if (typeof code === 'string') return code;
  return error instanceof Error ? error.name : 'an error';
}
