/** Clients that leave in the middle of everything, and clients that are slow: PORT, so many a second. */
import { type Socket, connect } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import type { ClientReport } from './client-process.ts';
import { FaultTally } from './faults.ts';

const [port = 0, perSecond = 0] = process.argv.slice(2).map(Number);
const TIMEOUT_MS = 15_000;
const faults = new FaultTally();
const done: Record<string, number> = {};
const HOST = `Host: 127.0.0.1:${port}\r\n`;
let underWay = 0;
let isDone: (() => void) | null = null;

/** What they do; those that stay return what they were answered. */
const ODD: Readonly<Record<string, (socket: Socket) => Promise<string | null>>> = {
  'left within a head': async (socket) => {
    socket.write(`GET / HTTP/1.1\r\n${HOST}Acc`);
    await sleep(50);
    return null;
  },
  'left before the answer': async (socket) => {
    socket.write(`GET /product/tea HTTP/1.1\r\n${HOST}\r\n`);
    await sleep(1);
    return null;
  },
  'left within a download': async (socket) => {
    socket.write(`GET /download?bytes=4000000 HTTP/1.1\r\n${HOST}\r\n`);
    await sleep(60);
    return null;
  },
  'left without reading': async (socket) => {
    socket.pause();
    socket.write(`GET /download?bytes=20000000 HTTP/1.1\r\n${HOST}\r\n`);
    await sleep(700);
    return null;
  },
  'left within an upload': async (socket) => {
    socket.write(`POST /upload HTTP/1.1\r\n${HOST}Content-Length: 1000000\r\n\r\n${'x'.repeat(300_000)}`);
    await sleep(100);
    return null;
  },
  'left an event stream': async (socket) => {
    socket.write(`GET /events HTTP/1.1\r\n${HOST}\r\n`);
    await sleep(500);
    return null;
  },
  'left a WebSocket': async (socket) => {
    const upgrade = 'Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n';
    socket.write(
      `GET /echo HTTP/1.1\r\n${HOST}${upgrade}Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n`,
    );
    await sleep(300);
    return null;
  },
  'a slow head': async (socket) => {
    const answer = answerOn(socket);
    for (const part of `GET /product/cup HTTP/1.1\r\n${HOST}Connection: close\r\n\r\n`.match(/[^]{1,8}/g)!) {
      socket.write(part);
      await sleep(80);
    }
    return answer;
  },
  'a slow upload': async (socket) => {
    const answer = answerOn(socket);
    socket.write(`POST /upload HTTP/1.1\r\n${HOST}Connection: close\r\nContent-Length: 2000\r\n\r\n`);
    for (let i = 0; i < 20; i++) {
      await sleep(100);
      socket.write('y'.repeat(100));
    }
    return answer;
  },
};
const NAMES = Object.keys(ODD);

function answerOn(socket: Socket): Promise<string> {
  let text = '';
  socket.on('data', (part) => (text += part.toString('latin1')));
  return new Promise((resolve) => socket.once('close', () => resolve(text)));
}

async function come(name: string): Promise<void> {
  underWay++;
  const socket = connect({ host: '127.0.0.1', port, noDelay: true });
  socket.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code === 'ECONNREFUSED') faults.add(`${name}: refused`);
  });
  socket.setTimeout(TIMEOUT_MS, () => socket.destroy());
  const answer = await ODD[name]!(socket);
  socket.destroy();
  left();
  const isGood = answer === null || (answer.startsWith('HTTP/1.1 200 ') && /^x-version:/im.test(answer));
  if (isGood) done[name] = (done[name] ?? 0) + 1;
  else faults.add(`${name}: ${JSON.stringify(answer.slice(0, 160))}`);
}

let count = 0;
const timer = setInterval(() => void come(NAMES[count++ % NAMES.length]!), 1000 / perSecond);
process.once('message', () => void finish());
process.once('disconnect', () => process.exit());

async function finish(): Promise<void> {
  clearInterval(timer);
  await over();
  process.send!({ faults: faults.report(), done } satisfies ClientReport);
}

function left(): void {
  if (--underWay === 0) isDone?.();
}

function over(): Promise<void> {
  return underWay === 0 ? Promise.resolve() : new Promise((resolve) => (isDone = resolve));
}
