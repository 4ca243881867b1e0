import { once } from 'node:events';
import { type AddressInfo, type Socket, createServer } from 'node:net';
import { writeInPieces } from '../wire/pieces.ts';
import { type ReadRequest, readStrictly, valuesOf } from '../wire/strict-request.ts';
import { responseOf } from './responses.ts';

/** What the proxy forwards to: it answers what is sound, and keeps what is not. */
export type Application = {
  readonly port: number;
  /** Requests that arrived. */
  readonly count: () => number;
  /** What was wrong with what the proxy sent, since the last call. */
  readonly complaints: () => readonly string[];
  /** From now on, `/r123` is answered by response 123 of this seed. */
  answerBy(seed: number): void;
  readonly close: () => Promise<void>;
};

const LATER_MS = 20;

export async function startApplication(): Promise<Application> {
  const sockets = new Set<Socket>();
  let complaints: string[] = [];
  let seed = 0;
  let count = 0;
  const server = createServer({ noDelay: true }, (socket) => {
    sockets.add(socket);
    let text = '';
    /** After an upgrade it echoes. */
    let switched = false;
    socket.setEncoding('latin1');
    socket.on('error', () => {});
    socket.on('close', () => sockets.delete(socket));
    socket.on('data', (part: string) => {
      if (switched) {
        socket.write(part, 'latin1');
        return;
      }
      text += part;
      const { requests, left, at } = readStrictly(text);
      text = text.slice(at);
      for (const each of requests) {
        if (each.target === '/healthz') {
          socket.write('HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n');
          continue;
        }
        count += 1;
        const wrong = complaintOf(each);
        if (wrong !== null) complaints.push(wrong);
        const [protocol] = valuesOf(each.headers, 'upgrade');
        if (protocol === undefined) {
          answer(socket, each, seed);
          continue;
        }
        switched = true;
        const upgraded = `Connection: Upgrade\r\nUpgrade: ${protocol}\r\nX-Target: ${each.target}`;
        socket.write(`HTTP/1.1 101 Switching Protocols\r\n${upgraded}\r\n\r\n${text}`, 'latin1');
        return;
      }
      if (left === null || left === 'more') return;
      complaints.push(left);
      socket.destroy();
    });
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    port: (server.address() as AddressInfo).port,
    count: () => count,
    complaints: () => {
      const all = complaints;
      complaints = [];
      return all;
    },
    answerBy: (other) => (seed = other),
    close: async () => {
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, 'close');
    },
  };
}

/** Every head that the proxy writes names the client: one that does not was the body of another. */
function complaintOf({ method, target, headers }: ReadRequest): string | null {
  const from = valuesOf(headers, 'x-forwarded-for');
  if (from.length === 1 && from[0] === '127.0.0.1') return null;
  return `${method} ${target} with X-Forwarded-For ${from.join(' | ')}`;
}

function answer(socket: Socket, { method, target }: ReadRequest, seed: number): void {
  const number = /^\/r(\d+)$/.exec(target)?.[1];
  if (number === undefined) {
    socket.write(
      `HTTP/1.1 200 OK\r\nX-Target: ${target}\r\nContent-Length: 2\r\n\r\n${method === 'HEAD' ? '' : 'ok'}`,
      'latin1',
    );
    return;
  }
  const { bytes, cuts, then } = responseOf(seed, Number(number));
  writeInPieces(socket, bytes, cuts, () => {
    if (then === 'end') socket.end();
    else if (then === 'end later') setTimeout(() => socket.end(), LATER_MS);
    else if (then === 'reset') socket.resetAndDestroy();
  });
}
