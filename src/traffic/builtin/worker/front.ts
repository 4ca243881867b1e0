import { type IncomingMessage, type Server, ServerResponse, createServer } from 'node:http';
import type { Socket } from 'node:net';
import type { SlotName } from '../../../release/slot.ts';
import { identityHash } from '../../cohort.ts';
import { type DoorTable, findDoor } from './door-table.ts';
import { Exchange, type ExchangeStart } from './exchange.ts';
import { ONE_OFF, PREVIEW, UNCOUNTED } from '../../identity-filter.ts';
import type { Mint } from './mint.ts';
import { type Refusing, refuse } from './refusals.ts';
import {
  COOKIE_NAME,
  forwardedHead,
  isRefusal,
  lastForwardedFor,
  originForm,
  type RequestScan,
  scanRequest,
} from './request-head.ts';
import type { Choice, ServiceLive, SlotLive } from './service-live.ts';
import { CLASS, NO_LATENCY } from '../../tally.ts';
import { Tunnel } from './tunnel.ts';

const MAX_HEAD_BYTES = 16_384;
const HEAD_TIMEOUT_MS = 30_000;
/** Long, so that it is the client who closes an idle connection: the other way round a request can cross the close. */
const KEEP_ALIVE_MS = 75_000;
const MAX_CONNECTIONS = 10_000;
/** Requests of one connection behind the one that is served; more end it. */
const MAX_PIPELINED = 128;
/** 90 days. */
const COOKIE_SECONDS = 7_776_000;
/** Past this no longer text than this is hashed; it still tells people apart. */
const MAX_IDENTITY_CHARS = 512;

/** What the front needs to know of the worker; replaced as services come and go. */
export type FrontState = {
  doors: DoorTable<ServiceLive>;
  /** By listener: whose slot is reached there alone. */
  previews: ReadonlyMap<string, Preview>;
  isStopping: boolean;
  readonly mint: Mint;
};

export type Preview = { readonly service: ServiceLive; readonly slot: SlotName };

type Arrival = {
  readonly req: IncomingMessage;
  readonly res: ServerResponse;
  /** The client's socket and first bytes when it asks for another protocol. */
  readonly upgrade: { readonly socket: Socket; readonly head: Buffer } | null;
};

/** The HTTP server of one listener in one worker. */
export function createFront(listener: string, state: FrontState): Server {
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
  const arrive = (arrival: Arrival): void => {
    if (arrival.res.socket === null) waitForTurn(arrival, queued, () => serve(listener, state, arrival));
    else serve(listener, state, arrival);
  };
  server.on('request', (req, res) => arrive({ req, res, upgrade: null }));
  server.on('checkContinue', (req, res) => arrive({ req, res, upgrade: null }));
  server.on('upgrade', (req: IncomingMessage, socket: Socket, head: Buffer) => {
    arrive({ req, res: responseOn(req, socket), upgrade: { socket, head } });
  });
  server.on('connect', (_req, socket) =>
    socket.end('HTTP/1.1 405 Method Not Allowed\r\nConnection: close\r\n\r\n'),
  );
  server.on('clientError', (error: NodeJS.ErrnoException, socket) =>
    refuseMalformed(error, socket as Socket),
  );
  return server;
}

/**
 * Requests that a client sends without waiting for answers are served one at a time: in order for those that change
 * something, and one connection cannot open thousands to the application.
 */
function waitForTurn({ req, res }: Arrival, queued: WeakMap<Socket, number>, begin: () => void): void {
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

function serve(listener: string, state: FrontState, arrival: Arrival): void {
  const { req, res, upgrade } = arrival;
  if (state.isStopping) res.shouldKeepAlive = false;
  const scan = scanRequest(req.rawHeaders);
  if (isRefusal(scan)) {
    refuseClosing(arrival, scan);
    return;
  }
  const target = originForm(req.url!, scan.host);
  if (isRefusal(target)) {
    refuseClosing(arrival, target);
    return;
  }
  const preview = state.previews.get(listener);
  const doors = state.doors.get(listener);
  const service = preview?.service ?? (doors === undefined ? null : findDoor(doors, scan.host, target));
  if (service === null) {
    refuse(req, res, { status: 404, text: 'no service has this address' });
    return;
  }
  const { spec } = service.door;
  if (scan.contentLength !== null && spec.maxBodyBytes !== null && scan.contentLength > spec.maxBodyBytes) {
    refuse(req, res, { status: 413, text: 'the request body is too large' });
    return;
  }
  const clientAddress = plainAddress(req.socket.remoteAddress);
  const visitor =
    preview === undefined ? visitorOf(service, { scan, req, clientAddress, mint: state.mint }) : PREVIEWER;
  const choice =
    preview === undefined
      ? service.choose(visitor.hash, performance.now())
      : only(service.slots[preview.slot]);
  if (choice === null) {
    refuse(req, res, {
      status: 503,
      text: 'not in service yet',
      retryAfterSeconds: 1,
      cookie: visitor.cookie,
    });
    return;
  }
  let { identity } = visitor;
  if (choice.slot !== choice.wanted) {
    countUnhealthy(service, choice.wanted.name, identity);
    identity = UNCOUNTED;
  }
  const head = forwardedHead({
    scan,
    rawHeaders: req.rawHeaders,
    clientAddress,
    trustForwarded: spec.trustForwarded,
    host: spec.host ?? listener,
    requestId: state.mint.requestId(),
    upgrade: upgrade === null ? null : scan.upgrade,
  });
  const { slot } = choice;
  const { cookie } = visitor;
  begin({ service, slot, req, res, scan, target, head, identity, cookie, onUpgraded: null }, upgrade);
}

function begin(start: ExchangeStart, upgrade: Arrival['upgrade']): void {
  if (upgrade === null) {
    new Exchange(start).begin(performance.now());
    return;
  }
  const exchange: Exchange = new Exchange({
    ...start,
    onUpgraded: (head, connection) => {
      start.res.detachSocket(upgrade.socket);
      return new Tunnel({ client: upgrade.socket, clientHead: upgrade.head, connection, exchange }, head);
    },
  });
  exchange.begin(performance.now());
}

type Visitor = {
  /** Decides the bucket. */
  readonly hash: number;
  /** What is counted: the hash, or ONE_OFF. */
  readonly identity: number;
  /** Set-Cookie value for a new visitor, or null. */
  readonly cookie: string | null;
};

const PREVIEWER: Visitor = { hash: 0, identity: PREVIEW, cookie: null };

function only(slot: SlotLive): Choice {
  return { wanted: slot, slot };
}

type VisitorTraits = {
  readonly scan: RequestScan;
  readonly req: IncomingMessage;
  readonly clientAddress: string;
  readonly mint: Mint;
};

function visitorOf(service: ServiceLive, { scan, req, clientAddress, mint }: VisitorTraits): Visitor {
  const { sticky, spec } = service.door;
  switch (sticky.by) {
    case 'cookie': {
      const id = scan.cookie ?? mint.identity();
      const hash = identityHash(service.salt, id);
      const isSecure = spec.trustForwarded && scan.forwardedProto?.trim().toLowerCase() === 'https';
      const cookie = scan.cookie === null ? setCookie(id, isSecure) : null;
      return { hash, identity: hash, cookie };
    }
    case 'header':
      return named(service, headerValue(req, sticky.header), mint);
    case 'address': {
      const trusted = spec.trustForwarded && scan.forwardedFor !== null;
      return named(service, trusted ? lastForwardedFor(scan.forwardedFor) : clientAddress, mint);
    }
    case 'none':
      return { hash: mint.draw(), identity: UNCOUNTED, cookie: null };
  }
}

function named(service: ServiceLive, text: string | null, mint: Mint): Visitor {
  if (text === null || text === '') return { hash: mint.draw(), identity: ONE_OFF, cookie: null };
  const hash = identityHash(service.salt, text.slice(0, MAX_IDENTITY_CHARS));
  return { hash, identity: hash, cookie: null };
}

function headerValue(req: IncomingMessage, name: string): string | null {
  const value = req.headers[name.toLowerCase()];
  return Array.isArray(value) ? (value[0] ?? null) : (value ?? null);
}

function setCookie(id: string, isSecure: boolean): string {
  return `${COOKIE_NAME}=${id}; Path=/; Max-Age=${COOKIE_SECONDS}; HttpOnly; SameSite=Lax${isSecure ? '; Secure' : ''}`;
}

/** A slot without a sound replica fails the requests that are its own, whoever serves them in its place. */
function countUnhealthy(service: ServiceLive, slot: 'blue' | 'green', identity: number): void {
  const replica = service.slots[slot].replicas[0];
  if (replica === undefined) return;
  service.count(replica, identity, {
    classIndex: CLASS.connectFailure,
    bucket: NO_LATENCY,
    isFinal: false,
  });
}

function plainAddress(address: string | undefined): string {
  if (address === undefined) return 'unknown';
  return address.startsWith('::ffff:') ? address.slice(7) : address;
}

/** HTTP/2 over cleartext is not spoken here: such a request is served as HTTP/1.1, which its sender must expect. */
function wantsTunnel(req: IncomingMessage): boolean {
  const upgrade = req.headers.upgrade?.toLowerCase() ?? '';
  return (
    upgrade !== 'h2c' &&
    req.headers['content-length'] === undefined &&
    req.headers['transfer-encoding'] === undefined
  );
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

function refuseClosing({ req, res }: Arrival, refusing: Refusing): void {
  res.shouldKeepAlive = false;
  refuse(req, res, refusing);
}

function refuseMalformed(error: NodeJS.ErrnoException, socket: Socket): void {
  const message = (socket as Socket & { _httpMessage?: ServerResponse })._httpMessage;
  if (!socket.writable || error.code === 'ECONNRESET' || message?.headersSent === true) {
    socket.destroy();
    return;
  }
  const status =
    error.code === 'HPE_HEADER_OVERFLOW'
      ? '431 Request Header Fields Too Large'
      : error.code === 'ERR_HTTP_REQUEST_TIMEOUT'
        ? '408 Request Timeout'
        : '400 Bad Request';
  socket.end(`HTTP/1.1 ${status}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`, () => socket.destroy());
}
