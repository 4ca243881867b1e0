import { connect } from 'node:net';
import { type ReadResponse, readAnswers } from '../wire/strict-response.ts';

export type Asking = {
  readonly door?: 'shop' | 'any' | 'limited' | 'trusted';
  readonly method?: string;
  /** Behind the case's own path. */
  readonly target?: string;
  /** The whole target, where that matters. */
  readonly whole?: string;
  readonly host?: string;
  readonly version?: string;
  readonly headers?: readonly string[];
  readonly body?: string;
};

/** Longer than a busy machine keeps an answer that is coming. */
const WITHIN_MS = 8000;

export function bytesOf(path: string, asking: Asking): string {
  const { method = 'GET', target = '', host = 'shop.test', version = 'HTTP/1.1', headers = [] } = asking;
  const lines = [`${method} ${asking.whole ?? `${path}${target}`} ${version}`, `Host: ${host}`, ...headers];
  return `${lines.join('\r\n')}\r\nConnection: close\r\n\r\n${asking.body ?? ''}`;
}

export async function answerTo(port: number, path: string, asking: Asking): Promise<ReadResponse> {
  const text = await heard(port, bytesOf(path, asking), () => false);
  const { answers, left } = readAnswers(text, [asking.method ?? 'GET'], true);
  if (answers[0] === undefined)
    throw new Error(`no whole answer (${left}): ${JSON.stringify(text.slice(0, 300))}`);
  return answers[0];
}

/** All that comes until the other side ends it, or it is enough. */
export function heard(port: number, bytes: string, isEnough: (text: string) => boolean): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect({ port, host: '127.0.0.1', noDelay: true });
    let text = '';
    const end = (): void => {
      clearTimeout(timer);
      socket.destroy();
      resolve(text);
    };
    const timer = setTimeout(() => {
      socket.destroy();
      reject(new Error(text === '' ? 'no answer' : `${text.split('\r\n')[0]!.slice(9, 12)}, and no end`));
    }, WITHIN_MS);
    socket.setEncoding('latin1');
    socket.on('error', () => {});
    socket.on('data', (part: string) => {
      text += part;
      if (isEnough(text)) end();
    });
    socket.on('close', end);
    socket.write(bytes, 'latin1');
  });
}
