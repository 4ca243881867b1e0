import { type IncomingMessage, type Server, ServerResponse, createServer } from 'node:http';
import type { Socket } from 'node:net';
import { type Arrival, type Upgrading, serve } from './admission.ts';
import type { FrontState } from './front.ts';
import { malformedRefuser, refuseTunnel, waitForTurn, wantsTunnel } from './turns.ts';

export const MAX_HEAD_BYTES = 16_384;
const HEAD_TIMEOUT_MS = 30_000;
/** Long, so that it is the client who closes an idle connection: the other way round a request can cross the close. */
export const KEEP_ALIVE_MS = 75_000;
export const MAX_CONNECTIONS = 10_000;

/** The HTTP/1.1 server of one listener. */
export function createHttpServer(listener: string, state: FrontState, isSecure: boolean): Server {
  const server = createServer({
    maxHeaderSize: MAX_HEAD_BYTES,
    headersTimeout: HEAD_TIMEOUT_MS,
    // Bodies may take as long as they move: Upload watches for stalls.
    requestTimeout: 0,
    keepAliveTimeout: KEEP_ALIVE_MS,
    connectionsCheckingInterval: 5000,
    insecureHTTPParser: false,
    noDelay: true,
    shouldUpgradeCallback: (req) => wantsTunnel(req),
  });
  server.maxHeadersCount = 0;
  server.maxConnections = MAX_CONNECTIONS;
  const queued = new WeakMap<Socket, number>();
  const arrive = (req: IncomingMessage, res: ServerResponse, upgrade: Upgrading | null = null): void => {
    const arrival: Arrival = { isSecure, req, res, upgrade };
    if (res.socket === null) waitForTurn({ req, res }, queued, () => serve(listener, state, arrival));
    else serve(listener, state, arrival);
  };
  server.on('request', (req, res) => arrive(req, res));
  server.on('checkContinue', (req, res) => arrive(req, res));
  server.on('checkExpectation', (req, res) => arrive(req, res));
  server.on('upgrade', (req: IncomingMessage, socket: Socket, head: Buffer) => {
    const res = responseOn(req, socket);
    arrive(req, res, { socket, head, detach: () => res.detachSocket(socket) });
  });
  server.on('connect', (_req, socket) => refuseTunnel(socket as Socket));
  server.on(
    'clientError',
    malformedRefuser((why) => state.malformed.count(listener, why)),
  );
  return server;
}

/** An upgrade may be answered like any request; then the connection ends with the answer. */
function responseOn(req: IncomingMessage, socket: Socket): ServerResponse {
  const res = new ServerResponse(req);
  res.shouldKeepAlive = false;
  res.assignSocket(socket);
  res.on('finish', () => {
    res.detachSocket(socket);
    socket.destroySoon();
  });
  socket.on('error', () => socket.destroy());
  return res;
}
