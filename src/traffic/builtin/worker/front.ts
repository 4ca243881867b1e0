import type { Server } from 'node:net';
import type { ListenerManners } from '../../../release/resilience.ts';
import type { SlotName } from '../../../release/slot.ts';
import type { DoorTable } from './door-table.ts';
import { createHttpServer } from './http1-server.ts';
import type { Malformed } from './malformed.ts';
import type { Mint } from './mint.ts';
import { proxiedServer, standFor } from './proxied.ts';
import type { ServiceLive } from './service-live.ts';

export const MALFORMED_HEADER = 'a malformed header of the PROXY protocol';

/** What the front needs to know of the worker; replaced as services come and go. */
export type FrontState = {
  doors: DoorTable<Entrance>;
  /** By listener: whose slot is reached there alone. */
  previews: ReadonlyMap<string, Preview>;
  /** By listener: who comes there is sent on to HTTPS. */
  redirects: DoorTable<Entrance>;
  /** What an authority asks for there, by host and path, and the answer. */
  challenges: ReadonlyMap<string, string>;
  isStopping: boolean;
  readonly mint: Mint;
  readonly malformed: Malformed;
};

/** `isAlias`: for a host whose clients are sent on to the service's own. */
export type Entrance = { readonly service: ServiceLive; readonly isAlias: boolean };

export type Preview = { readonly service: ServiceLive; readonly slot: SlotName };

/** A listener as the worker has it. */
export type Front = {
  listen(handle: unknown, done: () => void): void;
  onError(failed: (error: NodeJS.ErrnoException) => void): void;
  /** No new connections, and none that are idle. */
  close(): void;
  /** No new connections; those that stand are served on. */
  retire(): void;
  /** Whether any connection stands. */
  isOpen(): boolean;
  /** Connections that have been told to end, and have not yet. */
  isLeaving(): boolean;
};

export type FrontPlace = {
  readonly listener: string;
  readonly state: FrontState;
  /** CIDR blocks whose connections begin with a header of the PROXY protocol. */
  readonly proxies: readonly string[];
  readonly manners: FrontManners;
};

/** Of one worker: its part of the connections. */
export type FrontManners = Omit<ListenerManners, 'maxConnections'> & { readonly maxConnections: number };

/** The listener for plain HTTP in one worker. */
export function createFront(place: FrontPlace): Front {
  const { listener, state, proxies } = place;
  const http = createHttpServer(place, false);
  const server = proxies.length === 0 ? http.listening() : behindProxies();
  const door = doorOf(server);
  return {
    listen: (handle, done) => void server.listen(handle, done),
    onError: (failed) => void server.on('error', failed),
    close: () => {
      server.close();
      http.close();
    },
    ...door,
    // Its requests are known to their services.
    isLeaving: () => false,
  };

  function behindProxies(): Server {
    return proxiedServer({
      networks: proxies,
      maxConnections: place.manners.maxConnections,
      allowHalfOpen: true,
      onMalformed: () => state.malformed.count(listener, MALFORMED_HEADER),
      take: (socket, address) => {
        if (address !== null) standFor(socket, address);
        http.take(socket);
        socket.resume();
      },
    });
  }
}

/** What listens, as far as its end goes. */
export function doorOf(server: Server): Pick<Front, 'retire' | 'isOpen'> {
  let isOpen = true;
  server.once('close', () => {
    isOpen = false;
  });
  return { retire: () => void server.close(), isOpen: () => isOpen };
}
