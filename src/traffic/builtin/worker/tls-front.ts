import { type TLSSocket, type TlsOptions, createServer } from 'node:tls';
import type { Front, FrontState } from './front.ts';
import { MAX_CONNECTIONS, createHttpServer } from './http1-server.ts';
import { createHttp2Server } from './http2-server.ts';
import { TLS_LIMITS, TlsTable } from './tls-table.ts';

const HANDSHAKE_TIMEOUT_MS = 10_000;

export type TlsFront = Front & {
  /** Who comes from now on is shown these; connections that stand are not touched. */
  use(table: TlsTable): void;
  /** The same in all workers, so that a client may resume with another one. */
  useTicketKeys(keys: Buffer): void;
};

/** A listener for HTTPS: ends TLS, and hands the connection to the server that its protocol asks for. */
export function createTlsFront(listener: string, state: FrontState, ticketKeys: Buffer): TlsFront {
  let table = new TlsTable([]);
  let keys = ticketKeys;
  const http = createHttpServer(listener, state, true);
  const http2 = createHttp2Server(listener, state);
  const options: TlsOptions = {
    ...TLS_LIMITS,
    ALPNProtocols: ['h2', 'http/1.1'],
    SNICallback: (name, done) => done(null, table.contextFor(name)),
    handshakeTimeout: HANDSHAKE_TIMEOUT_MS,
    noDelay: true,
    ticketKeys,
  };
  const server = createServer(options, (socket: TLSSocket) => {
    if (socket.alpnProtocol === 'h2') http2.take(socket);
    else http.emit('connection', socket);
  });
  server.maxConnections = MAX_CONNECTIONS;
  // Only a server that listens looks for clients that are too slow; this one is given its connections.
  http.emit('listening');
  return {
    listen: (handle, done) => void server.listen(handle as object, done),
    onError: (failed) => void server.on('error', failed),
    close: () => {
      server.close();
      http.closeIdleConnections();
      http2.close();
    },
    isLeaving: () => http2.isOpen(),
    use: (next) => {
      table = next;
      server.setSecureContext({ ...TLS_LIMITS, ...next.unnamed });
      server.setTicketKeys(keys);
    },
    useTicketKeys: (next) => {
      keys = next;
      server.setTicketKeys(next);
    },
  };
}
