import { once } from 'node:events';
import { type IncomingMessage, type Server, type ServerResponse, createServer } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import type { Handler, UpgradeHandler } from './case.ts';

/** Services that an application stands behind; it says as which it was asked. */
export const SERVICES = ['shop', 'app', 'admin', 'any', 'limited', 'trusted'] as const;
export type ServiceName = (typeof SERVICES)[number];

export type Application = {
  readonly ports: Readonly<Record<ServiceName, number>>;
  /** By the first segment of the path. */
  readonly handlers: Map<string, Handler>;
  readonly upgrades: Map<string, UpgradeHandler>;
  readonly close: () => Promise<void>;
};

export async function startApplication(): Promise<Application> {
  const handlers = new Map<string, Handler>();
  const upgrades = new Map<string, UpgradeHandler>();
  const sockets = new Set<Socket>();
  const servers = await Promise.all(
    SERVICES.map(async (service) => {
      const server = serverOf(service, handlers, upgrades);
      server.on('connection', (socket) => {
        sockets.add(socket);
        socket.on('close', () => sockets.delete(socket));
      });
      await once(server.listen(0, '127.0.0.1'), 'listening');
      return [service, server] as const;
    }),
  );
  return {
    ports: Object.fromEntries(
      servers.map(([service, server]) => [service, (server.address() as AddressInfo).port]),
    ) as Record<ServiceName, number>,
    handlers,
    upgrades,
    close: async () => {
      for (const socket of sockets) socket.destroy();
      await Promise.all(servers.map(([, server]) => once(server.close(), 'close')));
    },
  };
}

function serverOf(
  service: ServiceName,
  handlers: ReadonlyMap<string, Handler>,
  upgrades: ReadonlyMap<string, UpgradeHandler>,
): Server {
  // Longer than any proxy keeps a connection, so that none is closed under a request.
  const server = createServer({ keepAliveTimeout: 60_000 });
  const answer = (req: IncomingMessage, res: ServerResponse): void => {
    if (req.url === '/healthz') res.end('well');
    else (handlers.get(caseOf(req.url!)) ?? reflecting(service))(req, res);
  };
  server.on('request', answer);
  server.on('checkContinue', answer);
  server.on('upgrade', (req: IncomingMessage, socket: Socket, head: Buffer) => {
    const handler = upgrades.get(caseOf(req.url!));
    socket.on('error', () => {});
    if (handler === undefined) socket.end('HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n');
    else handler(req, socket, head);
  });
  return server;
}

/** `/app/c12/x?y` -> `c12`. */
function caseOf(url: string): string {
  return /\/(c\d+)(?![^/?])/.exec(url)?.[1] ?? '';
}

function reflecting(service: ServiceName): Handler {
  return (req, res) => {
    let body = '';
    req.setEncoding('latin1').on('data', (part: string) => (body += part));
    req.on('error', () => {});
    req.on('end', () => {
      const { method, url, rawHeaders: raw, rawTrailers: trailers } = req;
      res.setHeader('X-Service', service);
      res.end(JSON.stringify({ service, method, url, raw, body, trailers }), 'latin1');
    });
  };
}
