import { STATUS_CODES } from 'node:http';
import { errorPage } from '../error-page.ts';
import { HEADER, headerKind } from '../header-kinds.ts';
import type { Refusal } from '../request-head.ts';

/** How the end of an answer's body is known to the client. */
export type Framing = 'none' | 'length' | 'chunked' | 'end';

export type AnswerTraits = {
  /** Of the request. */
  readonly method: string;
  readonly httpVersion: string;
  readonly keepsAlive: boolean;
  /** What a connection that stays says of that, with its line ends. */
  readonly keptFields: string;
};

export type AnswerHead = {
  /** With the empty line. */
  readonly text: string;
  readonly framing: Framing;
  /** 0 where nobody has said. */
  readonly length: number;
  readonly keepsAlive: boolean;
};

/** What no field and no reason may have: it would be read as something else. */
const UNSENDABLE = /[^\t\u0020-\u007e\u0080-\u00ff]/;

type Answering = { readonly status: number; readonly message: string; readonly headers: readonly string[] };

/** The head of an answer as it goes to the client. Throws for what cannot be sent as it is. */
export function answerHead({ status, message, headers }: Answering, traits: AnswerTraits): AnswerHead {
  if (UNSENDABLE.test(message)) throw new Error('a control character in the reason');
  let text = `HTTP/1.1 ${status} ${message}\r\n`;
  let length: number | null = null;
  let isDated = false;
  for (let i = 0; i < headers.length; i += 2) {
    const name = headers[i]!;
    const value = headers[i + 1]!;
    const kind = headerKind(name);
    if (kind === HEADER.malformed || UNSENDABLE.test(value)) throw new Error(`a malformed field ${name}`);
    if (kind === HEADER.contentLength) length = Number(value);
    else if (name.length === 4 && name.toLowerCase() === 'date') isDated = true;
    text += `${name}: ${value}\r\n`;
  }
  const framing = framingOf(status, length, traits);
  // Who speaks HTTP/1.0 knows an end without a length by the connection's.
  const isTold = length !== null || traits.httpVersion === '1.1';
  const keepsAlive = traits.keepsAlive && framing !== 'end' && isTold;
  if (!isDated) text += dateField();
  text += keepsAlive ? traits.keptFields : 'Connection: close\r\n';
  if (framing === 'chunked') text += 'Transfer-Encoding: chunked\r\n';
  return { text: `${text}\r\n`, framing, length: length ?? 0, keepsAlive };
}

function framingOf(status: number, length: number | null, { method, httpVersion }: AnswerTraits): Framing {
  if (method === 'HEAD' || status === 204 || status === 304 || status < 200) return 'none';
  if (length !== null) return 'length';
  return httpVersion === '1.1' ? 'chunked' : 'end';
}

let dated = { second: 0, field: '' };

/** Made once a second. */
function dateField(): string {
  const now = Date.now();
  const second = Math.floor(now / 1000);
  if (second !== dated.second) dated = { second, field: `Date: ${new Date(now).toUTCString()}\r\n` };
  return dated.field;
}

/** The whole answer to what is no request, and the last one on its connection. */
export function bareRefusal(refusal: Refusal): string {
  const { contentType, body } = errorPage(null, refusal);
  const line = `HTTP/1.1 ${refusal.status} ${STATUS_CODES[refusal.status]}\r\n`;
  const fields = `Content-Type: ${contentType}\r\nContent-Length: ${body.length}\r\nCache-Control: no-store\r\n`;
  return `${line}${fields}${dateField()}Connection: close\r\n\r\n${body.toString()}`;
}
