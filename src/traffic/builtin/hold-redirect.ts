import { type IncomingMessage, type Server, type ServerResponse, createServer } from 'node:http';
import { HOLD_RETURN, HOLD_RETURN_HEADER, HOLD_SERVICE_HEADER } from '../hold-port.ts';
import type { Waiter, WaitingRoom } from './worker/waiting-room.ts';

const MAX_HEAD_BYTES = 65_536;

/** Answers nginx when it may go on: at which location, it has said itself. */
export function redirectServer(roomOf: (service: string) => WaitingRoom | null): Server {
  const server = createServer({ maxHeaderSize: MAX_HEAD_BYTES, keepAliveTimeout: 75_000 }, (req, res) => {
    const service = req.headers[HOLD_SERVICE_HEADER];
    const back = req.headers[HOLD_RETURN_HEADER];
    if (typeof service !== 'string' || typeof back !== 'string' || !HOLD_RETURN.test(back)) {
      answer(res, 400, 'a request of no proxy that Bascule set up');
      return;
    }
    const goOn = (): void => {
      res.writeHead(200, { 'X-Accel-Redirect': back, 'Content-Length': '0' }).end();
    };
    const room = roomOf(service);
    if (room === null || !room.isHolding) goOn();
    else wait(room, { req, res, goOn });
  });
  server.on('clientError', (_error, socket) => socket.destroy());
  return server;
}

type Asking = { readonly req: IncomingMessage; readonly res: ServerResponse; readonly goOn: () => void };

function wait(room: WaitingRoom, { req, res, goOn }: Asking): void {
  const waiter: Waiter = {
    bytes: req.rawHeaders.reduce((sum, text) => sum + text.length, 0),
    go: goOn,
    turnAway: (reason) => answer(res, 503, reason),
  };
  if (!room.enter(waiter)) {
    answer(res, 503, 'too many requests wait at the door');
    return;
  }
  res.on('close', () => room.leave(waiter));
}

function answer(res: ServerResponse, status: number, text: string): void {
  const body = `${status} ${text}\n`;
  const retry = status === 503 ? { 'Retry-After': '1' } : {};
  res.writeHead(status, {
    'Content-Type': 'text/plain; charset=utf-8',
    'Cache-Control': 'no-store',
    ...retry,
  });
  res.end(body);
}
