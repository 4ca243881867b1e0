import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onAddress, type Upstream } from '../../src/lib/upstream.ts';
import type { ProxySpec } from '../../src/release/service.ts';
import { SLOT_NAMES } from '../../src/release/slot.ts';
import type { SlotName } from '../../src/release/slot.ts';
import type { Door, Route, TrafficRouter } from '../../src/traffic/router.ts';
import { openBehind, type OthersKind } from './behind.ts';
import { startBackend } from './backend.ts';
import type { Backend } from './backend.ts';
import { freePorts } from './ports.ts';
import { endAtExit } from './processes.ts';
import { startRouter } from './router.ts';
import { waitFor } from './wait-for.ts';

export const SERVICE = 'shop';
export const DRAIN_MS = 15_000;
const STREAM_GRACE_MS = 1000;
const HEALTH = { path: '/healthz', intervalMs: 200, timeoutMs: 2000, rise: 2, fall: 3 };

/** A door with the built-in proxy, or one that others make, before two slots of backends; everyone is served by blue, revision 1. */
export type OpenDoor = {
  readonly port: number;
  readonly router: Pick<TrafficRouter, 'apply'>;
  readonly backends: Backends;
  /** Ends every process of it. */
  close(): Promise<void>;
};

export async function startDoor(replicas: number, kind: OthersKind | null = null): Promise<OpenDoor> {
  const directory = await mkdtemp(join(tmpdir(), 'bascule-door-'));
  endAtExit({ environment: null, directory });
  const closers: (() => Promise<void>)[] = [() => rm(directory, { recursive: true, force: true })];
  const close = async (): Promise<void> => {
    for (const closer of closers.toReversed()) await closer();
  };
  try {
    const backends = await startSlots(replicas, closers);
    const [port] = await freePorts(1);
    const started = await startProxy(directory, kind);
    const { router, spec } = started;
    closers.push(() => started.stop());
    await router.install(
      describeDoor(port!, { blue: addressesOf(backends.blue), green: addressesOf(backends.green) }, spec),
    );
    await router.apply(firstRoute(replicas));
    await untilHealthy(router, SERVICE, replicas);
    return { port: port!, router, backends, close };
  } catch (error) {
    await close();
    throw error;
  }
}

type Backends = Readonly<Record<SlotName, readonly Backend[]>>;

/** So many backends in each slot; `closers` learns how each is ended. */
export async function startSlots(replicas: number, closers: (() => Promise<void>)[]): Promise<Backends> {
  const backends: Record<SlotName, Backend[]> = { blue: [], green: [] };
  for (const slot of SLOT_NAMES) {
    for (let i = 0; i < replicas; i++) {
      const backend = await startBackend({ version: slot });
      backends[slot].push(backend);
      closers.push(() => backend.stop());
    }
  }
  return backends;
}

export function firstRoute(replicas: number): Route {
  const both = { blue: replicas, green: replicas };
  return { service: SERVICE, revision: 1, serve: 'blue', split: null, replicas: both, standIn: true };
}

export function untilHealthy(
  router: Pick<TrafficRouter, 'observe'>,
  service: string,
  replicas: number,
): Promise<boolean> {
  return waitFor('every replica to be healthy', async () => {
    const { slots } = await router.observe(service);
    return SLOT_NAMES.every(
      (slot) => slots[slot].replicas.filter(({ healthy }) => healthy).length === replicas,
    );
  });
}

type Started = {
  readonly router: TrafficRouter;
  readonly spec: ProxySpec;
  stop(): Promise<void>;
};

async function startProxy(directory: string, kind: OthersKind | null): Promise<Started> {
  if (kind !== null) {
    const behind = await openBehind(kind);
    return { router: behind.router, spec: behind.spec, stop: () => behind.close() };
  }
  const started = await startRouter(directory, 1);
  return { router: started.router, spec: { kind: 'builtin' }, stop: () => started.stop() };
}

/** A door of the kind that these tests use, over given addresses. */
export function describeDoor(
  port: number,
  slots: Door['slots'],
  proxy: ProxySpec = { kind: 'builtin' },
): Door {
  return {
    service: SERVICE,
    spec: {
      listen: { address: '127.0.0.1', port },
      host: null,
      path: '/',
      proxy,
      drainMs: DRAIN_MS,
      streamGraceMs: STREAM_GRACE_MS,
      trustForwarded: false,
      maxBodyBytes: null,
    },
    health: { blue: HEALTH, green: HEALTH },
    sticky: { by: 'cookie' },
    salt: '5ba1e'.padStart(32, '0'),
    slots,
    preview: null,
  };
}

export function addressesOf(backends: readonly Backend[]): Upstream[] {
  return backends.map(({ address }) => onAddress(address));
}
