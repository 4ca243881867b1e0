import {
  type IncomingHttpHeaders,
  type ServerHttp2Session,
  type ServerHttp2Stream,
  constants,
  createServer,
} from 'node:http2';
import type { TLSSocket } from 'node:tls';
import { serve } from './admission.ts';
import type { FrontPlace, FrontState } from './front.ts';
import { translateHead } from './http2-head.ts';
import { Http2Answer, Http2Request } from './http2-stream.ts';
import { refuse } from './refusals.ts';
import { MAX_HEADERS, methodProblem, scanRequest } from './request-head.ts';

/** Requests of one connection at a time; a browser opens as many at once for one page. */
const MAX_STREAMS = 128;
/** Of a body that was sent and not yet taken by the application: of one stream, and of all streams of a connection. */
const STREAM_WINDOW_BYTES = 262_144;
const CONNECTION_WINDOW_BYTES = 1_048_576;
const MAX_SESSION_MEGABYTES = 8;
/** Streams that a client opens and takes back at once; then so many a second, or the connection ends (CVE-2023-44487). */
const RESETS_AT_ONCE = 200;
const RESETS_PER_SECOND = 20;
const MAX_INVALID_FRAMES = 100;
const MAX_REJECTED_STREAMS = 100;
/** For the client's acknowledgement that it has heard that the connection is about to end. */
const GOODBYE_MS = 10_000;
const LAST_STREAM_ID = 2 ** 31 - 1;

export type Http2Server = {
  take(socket: TLSSocket): void;
  /** New requests are asked to go elsewhere; those that have begun go on. */
  close(): void;
  isOpen(): boolean;
};

/** The server for connections whose client has chosen HTTP/2. */
export function createHttp2Server({ listener, state, manners }: FrontPlace): Http2Server {
  const sessions = new Set<ServerHttp2Session>();
  let isClosing = false;
  const server = createServer({
    settings: {
      maxConcurrentStreams: MAX_STREAMS,
      maxHeaderListSize: manners.maxHeadBytes,
      initialWindowSize: STREAM_WINDOW_BYTES,
    },
    // With the pseudo-header fields, and one more for scanRequest to refuse.
    maxHeaderListPairs: MAX_HEADERS + 8,
    maxSessionMemory: MAX_SESSION_MEGABYTES,
    maxSessionInvalidFrames: MAX_INVALID_FRAMES,
    maxSessionRejectedStreams: MAX_REJECTED_STREAMS,
    streamResetBurst: RESETS_AT_ONCE,
    streamResetRate: RESETS_PER_SECOND,
    // What an application repeats is its own business.
    strictSingleValueFields: false,
  });
  server.on('session', (session) => {
    sessions.add(session);
    session.on('close', () => sessions.delete(session));
    session.setLocalWindowSize(CONNECTION_WINDOW_BYTES);
    endWhenIdle(session, manners.keepAliveMs);
    // Its handshake had begun before.
    if (isClosing) sayGoodbye(session);
  });
  server.on('sessionError', (error: NodeJS.ErrnoException) => {
    if (error.code === 'ERR_HTTP2_ERROR') state.malformed.count(listener, error.message);
  });
  server.on('stream', (stream, headers, _flags, raw) => arrive({ listener, state, stream, headers, raw }));
  return {
    take: (socket) => void server.emit('connection', socket),
    close: () => {
      isClosing = true;
      for (const session of sessions) sayGoodbye(session);
    },
    isOpen: () => sessions.size > 0,
  };
}

type Coming = {
  readonly listener: string;
  readonly state: FrontState;
  readonly stream: ServerHttp2Stream;
  readonly headers: IncomingHttpHeaders;
  readonly raw: string[];
};

function arrive({ listener, state, stream, headers, raw }: Coming): void {
  const res = new Http2Answer(stream, headers[':method'] === 'HEAD');
  const head = translateHead(raw, stream.endAfterHeaders);
  if ('status' in head) {
    if (head.status === 400) state.malformed.count(listener, head.text);
    const nothing = { method: 'GET', url: '/', rawHeaders: [] };
    refuse(new Http2Request(stream, nothing), res, head);
    return;
  }
  serve(listener, state, {
    isSecure: true,
    req: new Http2Request(stream, head),
    res,
    scan: methodProblem(head.method) ?? scanRequest(head.rawHeaders),
    upgrade: null,
  });
}

/** Watched by Node: any frame begins the time anew. */
function endWhenIdle(session: ServerHttp2Session, keepAliveMs: number): void {
  let streams = 0;
  session.on('stream', (stream) => {
    streams += 1;
    stream.once('close', () => {
      streams -= 1;
    });
  });
  session.setTimeout(keepAliveMs, () => {
    if (streams === 0) sayGoodbye(session);
  });
}

/**
 * First the news, then, once it has arrived, the end: a request that crosses it is still served (RFC 9113, section 6.8). An answer to
 * a ping may overtake requests that were begun before it; that to the second one comes behind them.
 */
function sayGoodbye(session: ServerHttp2Session): void {
  if (session.destroyed || session.closed) return;
  session.goaway(constants.NGHTTP2_NO_ERROR, LAST_STREAM_ID);
  const end = (): void => {
    clearTimeout(timer);
    if (!session.destroyed) session.close();
  };
  const timer = setTimeout(end, GOODBYE_MS);
  timer.unref();
  const ping = (then: () => void): void => {
    try {
      if (!session.ping(then)) end();
    } catch {
      end();
    }
  };
  ping(() => ping(end));
}
