import { once } from 'node:events';
import { type AddressInfo, type Socket, createServer } from 'node:net';
import { readStrictly } from './strict-request.ts';

/** An application that keeps every byte it gets, by connection. */
export type Recorder = {
  readonly port: number;
  /** What came since the last call, by connection, without health probes. */
  readonly taken: () => readonly string[];
  readonly close: () => Promise<void>;
};

export const FROM_RECORDER = 'X-From: recorder';
const ANSWER = `HTTP/1.1 200 OK\r\n${FROM_RECORDER}\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok`;
const PROBE = /^GET \/healthz HTTP/;

/**
 * Answers once per request that it reads, and at once to what it cannot read, as an application would that reads it in a
 * way of its own. It never closes first, so that what follows an answered request is seen too.
 */
export async function startRecorder(): Promise<Recorder> {
  const connections = new Map<Socket, { text: string; answered: number }>();
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    const record = { text: '', answered: 0 };
    connections.set(socket, record);
    socket.setEncoding('latin1');
    socket.on('error', () => {});
    socket.on('end', () => socket.end());
    socket.on('data', (part: string) => {
      record.text += part;
      const { requests, left } = readStrictly(record.text);
      const due = requests.length + (left !== null && left !== 'more' ? 1 : 0);
      for (; record.answered < due; record.answered += 1) socket.write(ANSWER);
    });
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    port: (server.address() as AddressInfo).port,
    taken: () => {
      const all = [...connections.values()].map(({ text }) => text);
      for (const socket of connections.keys()) socket.destroy();
      connections.clear();
      return all.filter((text) => text !== '' && !PROBE.test(text));
    },
    close: async () => {
      for (const socket of connections.keys()) socket.destroy();
      server.close();
      await once(server, 'close');
    },
  };
}
