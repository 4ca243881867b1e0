import type { AddressInfo } from 'node:net';
import type { Server } from 'node:net';
import type { Address } from '../../lib/address.ts';
import { OperatingError, messageOf } from '../../lib/errors.ts';
import type { HoldWay } from '../hold-port.ts';
import type { Hold } from '../router.ts';
import { type HeldService, type HoldFile } from './hold-file.ts';
import type { ListeningHandle } from './listeners.ts';
import { redirectServer } from './hold-redirect.ts';
import { relayServer } from './hold-relay.ts';
import { WaitingRoom } from './worker/waiting-room.ts';

/** A listener of the machine's own is tried again this often while another program has its port. */
const LISTEN_RETRY_MS = 500;

type Open = { kept: HeldService; readonly room: WaitingRoom };

/**
 * Where requests of other proxies wait (`hold-port.ts`). In the proxy's parent: all of a service's requests wait in one
 * line, and what passes here is only what was held.
 */
export class HoldDesk {
  private readonly file: HoldFile;
  private readonly log: (text: string) => void;
  private readonly services = new Map<string, Open>();
  private readonly servers = new Map<number, Server>();
  private changing: Promise<unknown> = Promise.resolve();
  /** Sockets of the proxy that this one replaces, each until it is listened on. */
  private inherited = new Map<number, ListeningHandle>();
  /** The file is another proxy's. */
  private isReplaced = false;

  constructor(file: HoldFile, log: (text: string) => void) {
    this.file = file;
    this.log = log;
  }

  /** Takes up what was open before a restart. A hold that was to end meanwhile has ended. */
  async restore(kept: readonly HeldService[], inherited: Map<number, ListeningHandle>): Promise<void> {
    this.inherited = inherited;
    for (const each of kept) {
      this.services.set(each.way.service, { kept: each, room: new WaitingRoom() });
      this.obey(each.way.service);
    }
    for (const each of kept) await this.listenAgain(each);
    for (const unused of inherited.values()) unused.close();
    inherited.clear();
  }

  /** Errors: TRAFFIC_LISTEN_FAILED, TRAFFIC_STATE_UNWRITABLE. */
  open(way: HoldWay): Promise<Address> {
    return this.oneByOne(async () => {
      const before = this.services.get(way.service);
      const same = before?.kept.way.way === way.way ? before.kept.port : null;
      const port =
        same ?? (way.way === 'redirect' ? this.redirectPort() : null) ?? (await this.listen(way, 0));
      const kept = { revision: 0, hold: null, untilMs: 0, ...before?.kept, way, port };
      await this.keep(kept, before?.room ?? new WaitingRoom());
      this.closeUnused();
      return { host: '127.0.0.1', port };
    });
  }

  /** Errors: TRAFFIC_NOT_INSTALLED, TRAFFIC_STATE_UNWRITABLE. */
  set(service: string, revision: number, hold: Hold | null): Promise<void> {
    return this.oneByOne(async () => {
      const { kept, room } = this.find(service);
      if (revision <= kept.revision) return;
      const next = { ...kept, revision, hold, untilMs: hold === null ? 0 : Date.now() + hold.maxMs };
      // The way out of a hold does not wait for the disk.
      this.services.set(service, { kept: next, room });
      this.obey(service);
      await this.keep(next, room);
    });
  }

  waiting(service: string): number {
    return this.find(service).room.size;
  }

  /** Error: TRAFFIC_STATE_UNWRITABLE. */
  close(service: string): Promise<void> {
    return this.oneByOne(async () => {
      const open = this.services.get(service);
      if (open === undefined) return;
      this.services.delete(service);
      open.room.turnAway(`${service} was taken away`);
      this.closeUnused();
      await this.write();
    });
  }

  /** By port. */
  get handles(): readonly (readonly [number, ListeningHandle])[] {
    return [...this.servers].map(([port, server]) => [
      port,
      (server as unknown as { _handle: ListeningHandle })._handle,
    ]);
  }

  /** Another proxy has our sockets and the file; who waits here goes on when it is told. Resolves when nobody is left. */
  async retire(): Promise<void> {
    this.isReplaced = true;
    await Promise.all(
      [...this.servers.values()].map((server) => new Promise((resolve) => server.close(resolve))),
    );
  }

  /** The proxy ends. */
  stop(): void {
    for (const { room } of this.services.values()) room.turnAway('the proxy is being stopped');
    for (const server of this.servers.values()) server.close();
  }

  private get kept(): HeldService[] {
    return [...this.services.values()].map((each) => each.kept);
  }

  private find(service: string): Open {
    const open = this.services.get(service);
    if (open !== undefined) return open;
    throw new OperatingError(
      'TRAFFIC_NOT_INSTALLED',
      `No way to wait is open for a service ${service}; nothing was changed. Open it first.`,
      { retryable: false },
    );
  }

  private async keep(kept: HeldService, room: WaitingRoom): Promise<void> {
    this.services.set(kept.way.service, { kept, room });
    await this.write();
  }

  private async write(): Promise<void> {
    if (!this.isReplaced) await this.file.write(this.kept);
  }

  private obey(service: string): void {
    const { kept, room } = this.find(service);
    const leftMs = kept.hold === null ? 0 : Math.min(kept.hold.maxMs, kept.untilMs - Date.now());
    if (kept.hold !== null && leftMs > 0) room.begin(kept.hold, leftMs);
    else room.end();
  }

  private redirectPort(): number | null {
    return this.kept.find(({ way }) => way.way === 'redirect')?.port ?? null;
  }

  private async listenAgain({ way, port }: HeldService): Promise<void> {
    if (this.servers.has(port) || !this.kept.some((each) => each.port === port)) return;
    try {
      await this.listen(way, port);
    } catch (error) {
      this.log(`${messageOf(error)} It is tried again.`);
      setTimeout(() => void this.listenAgain({ way, port } as HeldService), LISTEN_RETRY_MS);
    }
  }

  /** `port` 0: any. */
  private async listen(way: HoldWay, port: number): Promise<number> {
    const { service } = way;
    const server =
      way.way === 'redirect'
        ? redirectServer((name) => this.services.get(name)?.room ?? null)
        : relayServer(() => {
            const open = this.services.get(service);
            return open?.kept.way.way === 'relay' ? { room: open.room, back: open.kept.way.back } : null;
          });
    const handle = this.inherited.get(port) ?? null;
    this.inherited.delete(port);
    const bound = await listening(server, port, handle);
    this.servers.set(bound, server);
    return bound;
  }

  private closeUnused(): void {
    const used = new Set(this.kept.map(({ port }) => port));
    for (const [port, server] of this.servers) {
      if (used.has(port)) continue;
      this.servers.delete(port);
      server.close();
    }
  }

  private oneByOne<T>(change: () => Promise<T>): Promise<T> {
    const result = this.changing.then(change, change);
    this.changing = result.catch(() => {});
    return result;
  }
}

function listening(server: Server, port: number, handle: ListeningHandle | null): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) =>
      reject(
        new OperatingError(
          'TRAFFIC_LISTEN_FAILED',
          `The proxy tried to listen on 127.0.0.1:${port} for requests that wait: ${error.code ?? error.message}.`,
          { retryable: true, cause: error },
        ),
      ),
    );
    const bound = (): void => resolve((server.address() as AddressInfo).port);
    if (handle === null) server.listen(port, '127.0.0.1', bound);
    else server.listen(handle, bound);
  });
}
