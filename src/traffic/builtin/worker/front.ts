import type { SlotName } from '../../../release/slot.ts';
import type { DoorTable } from './door-table.ts';
import { createHttpServer } from './http1-server.ts';
import type { Malformed } from './malformed.ts';
import type { Mint } from './mint.ts';
import type { ServiceLive } from './service-live.ts';

/** What the front needs to know of the worker; replaced as services come and go. */
export type FrontState = {
  doors: DoorTable<ServiceLive>;
  /** By listener: whose slot is reached there alone. */
  previews: ReadonlyMap<string, Preview>;
  /** By listener: who comes there is sent on to HTTPS. */
  redirects: DoorTable<ServiceLive>;
  isStopping: boolean;
  readonly mint: Mint;
  readonly malformed: Malformed;
};

export type Preview = { readonly service: ServiceLive; readonly slot: SlotName };

/** A listener as the worker has it. */
export type Front = {
  listen(handle: unknown, done: () => void): void;
  onError(failed: (error: NodeJS.ErrnoException) => void): void;
  /** No new connections, and none that are idle. */
  close(): void;
  /** Connections that have been told to end, and have not yet. */
  isLeaving(): boolean;
};

/** The listener for plain HTTP in one worker. */
export function createFront(listener: string, state: FrontState): Front {
  const server = createHttpServer(listener, state, false);
  return {
    listen: (handle, done) => void server.listen(handle, done),
    onError: (failed) => void server.on('error', failed),
    close: () => {
      server.close();
      server.closeIdleConnections();
    },
    // Its requests are known to their services.
    isLeaving: () => false,
  };
}
