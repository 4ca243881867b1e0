import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { makeCertificate } from '../../src/traffic/builtin/tls-fixture.ts';
import type { BuiltinRouter } from '../../src/traffic/builtin/router.ts';
import type { Route } from '../../src/traffic/router.ts';
import {
  SERVICE,
  addressesOf,
  describeDoor,
  firstRoute,
  startSlots,
  untilHealthy,
  type OpenDoor,
} from './door.ts';
import { freePorts } from './ports.ts';
import { endAtExit } from './processes.ts';
import { startRouter } from './router.ts';

const SECURE = `${SERVICE}-tls`;

/** The built-in proxy with two doors before the same slots, one for plain HTTP and one for TLS; a route is that of both. */
export type TwoDoors = OpenDoor & { readonly tlsPort: number; readonly proxy: BuiltinRouter };

export async function startTwoDoors(replicas: number, workers: number): Promise<TwoDoors> {
  const directory = await mkdtemp(join(tmpdir(), 'bascule-doors-'));
  endAtExit({ environment: null, directory });
  const closers: (() => Promise<void>)[] = [() => rm(directory, { recursive: true, force: true })];
  const close = async (): Promise<void> => {
    for (const closer of closers.toReversed()) await closer();
  };
  try {
    const backends = await startSlots(replicas, closers);
    const [port = 0, tlsPort = 0] = await freePorts(2);
    const { router: proxy, stop } = await startRouter(directory, workers);
    closers.push(stop);
    const slots = { blue: addressesOf(backends.blue), green: addressesOf(backends.green) };
    const tls = [makeCertificate(directory, 'shop', ['localhost', '127.0.0.1'])];
    await proxy.install(describeDoor(port, slots));
    await proxy.install({ ...describeDoor(tlsPort, slots, { kind: 'builtin', tls }), service: SECURE });
    const apply = async (route: Route): Promise<void> => {
      await Promise.all([SERVICE, SECURE].map((service) => proxy.apply({ ...route, service })));
    };
    await apply(firstRoute(replicas));
    for (const service of [SERVICE, SECURE]) await untilHealthy(proxy, service, replicas);
    return { port, tlsPort, proxy, router: { apply }, backends, close };
  } catch (error) {
    await close();
    throw error;
  }
}
