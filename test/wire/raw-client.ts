import { connect } from 'node:net';
import { waitFor } from '../e2e/wait-for.ts';

export type Said = {
  /** All that came, in latin1. */
  readonly text: string;
  /** Whether the other side ended the connection. */
  readonly closed: boolean;
};

export type Patience = {
  /** Enough has come. */
  readonly isDone: (text: string) => boolean;
  /** Silence after which nothing more is expected: before anything has come, and after it is done. */
  readonly silenceMs: number;
  readonly afterMs: number;
};

/** Sends bytes as they are on a connection of its own, and hears until the other side ends it or is silent. */
export function say(port: number, bytes: string, { isDone, silenceMs, afterMs }: Patience): Promise<Said> {
  return new Promise((resolve) => {
    const socket = connect({ port, host: '127.0.0.1', noDelay: true });
    let text = '';
    let timer = setTimeout(() => end(false), silenceMs);
    const end = (closed: boolean): void => {
      clearTimeout(timer);
      socket.destroy();
      resolve({ text, closed });
    };
    socket.setEncoding('latin1');
    socket.on('error', () => {});
    socket.on('data', (part: string) => {
      text += part;
      clearTimeout(timer);
      timer = setTimeout(() => end(false), isDone(text) ? afterMs : silenceMs);
    });
    socket.on('end', () => end(true));
    socket.on('close', () => end(true));
    socket.write(bytes, 'latin1');
  });
}

/** Status codes of the answers, interim ones apart. Bodies must not contain what looks like one. */
export function statusesIn(text: string): number[] {
  return [...text.matchAll(/HTTP\/1\.[01] ([2-5]\d\d)/g)].map((found) => Number(found[1]));
}

/** Resolves once somebody takes connections there. */
export async function listening(port: number): Promise<void> {
  await waitFor(`port ${port} to be listened on`, () => {
    const socket = connect({ port, host: '127.0.0.1' });
    return new Promise<boolean>((resolve) => {
      socket.on('connect', () => resolve(true));
      socket.on('error', () => resolve(false));
    }).finally(() => socket.destroy());
  });
}
