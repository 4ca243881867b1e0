import { type IncomingMessage, STATUS_CODES, type ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { refuse } from './refusals.ts';

/** Requests of one connection behind the one that is served; more end it. */
const MAX_PIPELINED = 128;
/** A client that is still sending when it was refused is read for this long, so that it gets to read why. */
const LINGER_MS = 2000;

type Turn = { readonly req: IncomingMessage; readonly res: ServerResponse };

/**
 * Requests that a client sends without waiting for answers are served one at a time: in order for those that change
 * something, and one connection cannot open thousands to the application.
 */
export function waitForTurn({ req, res }: Turn, queued: WeakMap<Socket, number>, begin: () => void): void {
  const waiting = (queued.get(req.socket) ?? 0) + 1;
  if (waiting > MAX_PIPELINED) {
    req.socket.destroy();
    return;
  }
  queued.set(req.socket, waiting);
  res.once('socket', () => {
    queued.set(req.socket, queued.get(req.socket)! - 1);
    begin();
  });
}

/**
 * HTTP/2 over cleartext is not spoken here: such a request is served as HTTP/1.1, which its sender must expect. So is one
 * that comes before its predecessors on the connection were answered: the connection is not free to change its protocol.
 */
export function wantsTunnel(req: IncomingMessage): boolean {
  const upgrade = req.headers.upgrade?.toLowerCase() ?? '';
  return (
    upgrade !== 'h2c' &&
    messageOn(req.socket) === null &&
    req.httpVersion === '1.1' &&
    req.headers['content-length'] === undefined &&
    req.headers['transfer-encoding'] === undefined
  );
}

/** The answer that a connection is occupied by, or null. */
function messageOn(socket: Socket): ServerResponse | null {
  return (socket as Socket & { _httpMessage?: ServerResponse | null })._httpMessage ?? null;
}

/** After the answers to what came before it. */
export function refuseTunnel(socket: Socket): void {
  socket.on('error', () => socket.destroy());
  const refuseInTurn = (): void => {
    const message = messageOn(socket);
    if (message === null) sayAndClose(socket, '405 Method Not Allowed');
    else message.once('close', refuseInTurn);
  };
  refuseInTurn();
}

/** Handles errors of a listener's parser; tells `malformed` of those that are no HTTP. */
export function malformedRefuser(
  malformed: (why: string) => void,
): (error: NodeJS.ErrnoException, socket: unknown) => void {
  const refused = new WeakSet<Socket>();
  return (error, each) => {
    const socket = each as Socket;
    // A parser that is in error says so again with whatever still comes.
    if (refused.has(socket)) return;
    refused.add(socket);
    if (error.code?.startsWith('HPE_') === true && error.code !== 'HPE_INVALID_EOF_STATE')
      malformed(error.message);
    refuseMalformed(error, socket);
  };
}

/** Whatever was whole before it is answered first: a 400 in its place would say that it was refused. */
function refuseMalformed(error: NodeJS.ErrnoException, socket: Socket): void {
  const message = messageOn(socket);
  if (!socket.writable || error.code === 'ECONNRESET') {
    socket.destroy();
  } else if (message?.req.complete === true) {
    message.once('close', () => refuseMalformed(error, socket));
  } else if (message === null) {
    const status = statusOf(error);
    sayAndClose(socket, `${status} ${STATUS_CODES[status]!}`);
  } else {
    // Its own body: who serves it hears at once that its client is done with it.
    message.shouldKeepAlive = false;
    refuse(message.req, message, { status: statusOf(error), text: 'the request body is malformed' });
  }
}

function statusOf({ code }: NodeJS.ErrnoException): number {
  if (code === 'HPE_HEADER_OVERFLOW') return 431;
  return code === 'ERR_HTTP_REQUEST_TIMEOUT' ? 408 : 400;
}

/** To destroy it at once would reset it, with what the client has not read yet. */
function sayAndClose(socket: Socket, status: string): void {
  socket.end(`HTTP/1.1 ${status}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`);
  const timer = setTimeout(() => socket.destroy(), LINGER_MS);
  timer.unref();
  socket.once('close', () => clearTimeout(timer));
}
