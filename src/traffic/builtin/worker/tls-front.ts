import type { Socket } from 'node:net';
import { type TLSSocket, type TlsOptions, createServer } from 'node:tls';
import { doorOf, type Front, type FrontPlace, MALFORMED_HEADER } from './front.ts';
import { createHttpServer } from './http1-server.ts';
import { createHttp2Server } from './http2-server.ts';
import { proxiedServer, standFor } from './proxied.ts';
import { TLS_LIMITS, TlsTable } from './tls-table.ts';

const HANDSHAKE_TIMEOUT_MS = 10_000;

export type TlsFront = Front & {
  /** Who comes from now on is shown these; connections that stand are not touched. */
  use(table: TlsTable): void;
  /** The same in all workers, so that a client may resume with another one. */
  useTicketKeys(keys: Buffer): void;
};

/** A listener for HTTPS: ends TLS, and hands the connection to the server that its protocol asks for. */
export function createTlsFront(place: FrontPlace, ticketKeys: Buffer): TlsFront {
  const { listener, state, proxies, manners } = place;
  const clients = new ClientsBehind();
  let table = new TlsTable([]);
  let keys = ticketKeys;
  const http = createHttpServer(place, true);
  const http2 = createHttp2Server(place);
  const options: TlsOptions = {
    ...TLS_LIMITS,
    ALPNProtocols: ['h2', 'http/1.1'],
    SNICallback: (name, done) => done(null, table.contextFor(name)),
    handshakeTimeout: HANDSHAKE_TIMEOUT_MS,
    noDelay: true,
    ticketKeys,
  };
  const server = createServer(options, (socket: TLSSocket) => {
    clients.stand(socket);
    if (socket.alpnProtocol === 'h2') http2.take(socket);
    else http.take(socket);
  });
  server.maxConnections = manners.maxConnections;
  const door =
    proxies.length === 0
      ? server
      : proxiedServer({
          networks: proxies,
          maxConnections: manners.maxConnections,
          allowHalfOpen: false,
          onMalformed: () => state.malformed.count(listener, MALFORMED_HEADER),
          take: (socket, address) => {
            if (address !== null) clients.note(socket, address);
            server.emit('connection', socket);
          },
        });
  const { retire, isOpen } = doorOf(door);
  return {
    listen: (handle, done) => void door.listen(handle as object, done),
    onError: (failed) => void door.on('error', failed),
    close: () => {
      door.close();
      http.close();
      http2.close();
    },
    retire: () => {
      retire();
      http2.close();
    },
    isOpen,
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

/** Whom a connection is for, from its header until TLS stands: by its other end, which both sockets have. */
class ClientsBehind {
  readonly #clients = new Map<string, string>();

  note(socket: Socket, address: string): void {
    const end = endOf(socket);
    this.#clients.set(end, address);
    socket.once('close', () => this.#clients.delete(end));
  }

  stand(socket: TLSSocket): void {
    const address = this.#clients.size === 0 ? undefined : this.#clients.get(endOf(socket));
    if (address !== undefined) standFor(socket, address);
  }
}

function endOf({ remoteAddress, remotePort }: Socket): string {
  return `${remoteAddress} ${remotePort}`;
}
