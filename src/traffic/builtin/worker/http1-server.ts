import { type IncomingMessage, type Server, ServerResponse, createServer } from 'node:http';
import type { Socket } from 'node:net';
import { type Arrival, type Upgrading, serve } from './admission.ts';
import type { FrontPlace } from './front.ts';
import { malformedRefuser, refuseTunnel, waitForTurn, wantsTunnel } from './turns.ts';

/** How often Node looks for clients whose head takes too long. */
const LOOK_EVERY_MS = 5000;

/** The HTTP/1.1 server of one listener. */
export function createHttpServer({ listener, state, manners }: FrontPlace, isSecure: boolean): Server {
  const server = createServer({
    maxHeaderSize: manners.maxHeadBytes,
    headersTimeout: manners.requestHeadMs,
    // Bodies may take as long as they move: Upload watches for stalls.
    requestTimeout: 0,
    keepAliveTimeout: manners.keepAliveMs,
    connectionsCheckingInterval: Math.min(LOOK_EVERY_MS, manners.requestHeadMs),
    insecureHTTPParser: false,
    noDelay: true,
    shouldUpgradeCallback: (req) => wantsTunnel(req),
  });
  server.maxHeadersCount = 0;
  server.maxConnections = manners.maxConnections;
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
