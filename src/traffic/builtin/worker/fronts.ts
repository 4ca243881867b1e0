import { formatAddress } from '../../../lib/address.ts';
import type { Door } from '../../router.ts';
import type { Certificate } from '../certificate.ts';
import type { Place, Speech } from '../messages.ts';
import { type Front, type FrontState, createFront } from './front.ts';
import { type TlsFront, createTlsFront } from './tls-front.ts';
import { partOf } from '../part-of.ts';
import { TlsTable } from './tls-table.ts';

/** Of each worker, where nobody says. */
const USUAL_CONNECTIONS = 10_000;

/** The listeners of one worker, and the certificates that are shown on them. */
export class Fronts {
  /** By service. */
  readonly certificates = new Map<string, readonly Certificate[]>();
  place: Place = { index: 0, of: 1 };
  ticketKeys: Buffer = Buffer.alloc(48);
  readonly #state: FrontState;
  readonly #doors: () => readonly Door[];
  readonly #fronts = new Map<string, Front>();
  /** Those of them that speak TLS. */
  readonly #secure = new Map<string, TlsFront>();
  #leaving: readonly Front[] = [];
  /** The longest that a listener keeps a connection on which nothing is asked. */
  keepAliveMs = 0;

  constructor(state: FrontState, doors: () => readonly Door[]) {
    this.#state = state;
    this.#doors = doors;
  }

  /** In place of the former front, if there is one. `done` gets the system's error code, or null. */
  listen(
    { listener, speech }: { readonly listener: string; readonly speech: Speech },
    handle: unknown,
    done: (error: string | null) => void,
  ): void {
    const manners = {
      ...speech.manners,
      maxConnections: connectionsOf(speech.manners.maxConnections, this.place),
    };
    const place = { listener, state: this.#state, proxies: speech.proxies, manners };
    const secure = speech.isSecure ? createTlsFront(place, this.ticketKeys) : null;
    const front = secure ?? createFront(place);
    this.keepAliveMs = Math.max(this.keepAliveMs, speech.manners.keepAliveMs);
    let isListening = false;
    front.onError((error) => {
      if (!isListening) done(error.code ?? error.message);
    });
    front.listen(handle, () => {
      isListening = true;
      this.unlisten(listener);
      this.#fronts.set(listener, front);
      if (secure !== null) this.#secure.set(listener, secure);
      this.show();
      done(null);
    });
  }

  unlisten(listener: string): void {
    this.#fronts.get(listener)?.close();
    this.#fronts.delete(listener);
    this.#secure.delete(listener);
  }

  /** After doors or certificates have changed. In the order of services' names: every worker shows the same one to who names nobody. */
  show(): void {
    if (this.#secure.size === 0) return;
    const doors = [...this.#doors()].sort((a, b) => (a.service < b.service ? -1 : 1));
    for (const [listener, front] of this.#secure) {
      const served = doors.filter((door) => listenerOf(door) === listener);
      front.use(new TlsTable(served.flatMap(({ service }) => this.certificates.get(service) ?? [])));
    }
  }

  useTicketKeys(keys: Buffer): void {
    this.ticketKeys = keys;
    for (const front of this.#secure.values()) front.useTicketKeys(keys);
  }

  retire(): void {
    this.#leaving = [...this.#fronts.values()];
    for (const front of this.#leaving) front.retire();
  }

  /** After `retire`: whether a connection is left. */
  get isOpen(): boolean {
    return this.#leaving.some((front) => front.isOpen());
  }

  closeIdle(): void {
    for (const front of this.#leaving) front.close();
  }

  closeAll(): void {
    this.#leaving = [...this.#fronts.values()];
    for (const listener of this.#fronts.keys()) this.unlisten(listener);
  }

  /** Whether a connection has been told to end, and has not yet. */
  get isLeaving(): boolean {
    return this.#leaving.some((front) => front.isLeaving());
  }
}

/** Of one worker, so that all of them together keep to the bound. */
function connectionsOf(maxConnections: number | null, place: Place): number {
  return maxConnections === null ? USUAL_CONNECTIONS : partOf(maxConnections, place);
}

/** `address:port` of a door. */
export function listenerOf({ spec: { listen } }: Door): string {
  return formatAddress({ host: listen.address, port: listen.port });
}
