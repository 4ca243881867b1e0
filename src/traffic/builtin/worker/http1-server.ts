import { type Server, type Socket, createServer } from 'node:net';
import type { FrontPlace } from './front.ts';
import { Http1Connection } from './http1/connection.ts';
import type { ConnectionPlace } from './http1/connection-place.ts';

/** How often connections are looked at for what takes too long. */
const SWEEP_MS = 1000;

export type Http1Server = {
  /** A server that listens for connections of its own. */
  listening(): Server;
  take(socket: Socket): void;
  /** Idle connections end now, others with the request that they have. */
  close(): void;
};

/** What speaks HTTP/1.1 on the connections of one listener. */
export function createHttpServer({ listener, state, manners }: FrontPlace, isSecure: boolean): Http1Server {
  const connections = new Set<Http1Connection>();
  let isClosing = false;
  let timer: NodeJS.Timeout | null = null;
  const place: ConnectionPlace = {
    listener,
    state,
    manners,
    isSecure,
    keptFields: `Connection: keep-alive\r\nKeep-Alive: timeout=${Math.floor(manners.keepAliveMs / 1000)}\r\n`,
    get isClosing() {
      return isClosing;
    },
    forget: (connection) => {
      connections.delete(connection);
      if (connections.size > 0 || timer === null) return;
      clearInterval(timer);
      timer = null;
    },
  };
  const sweep = (): void => {
    const nowMs = performance.now();
    for (const connection of connections) connection.sweep(nowMs);
  };
  const take = (socket: Socket): void => {
    connections.add(new Http1Connection(socket, place));
    timer ??= setInterval(sweep, Math.min(SWEEP_MS, manners.requestHeadMs)).unref();
  };
  return {
    listening: () => {
      const server = createServer({ allowHalfOpen: true, noDelay: true }, take);
      server.maxConnections = manners.maxConnections;
      return server;
    },
    take,
    close: () => {
      isClosing = true;
      for (const connection of connections) if (connection.isIdle) connection.close();
    },
  };
}
