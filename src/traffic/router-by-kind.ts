import { OperatingError } from '../lib/errors.ts';
import type { ProxySpec } from '../release/service.ts';
import type { SlotName } from '../release/slot.ts';
import type { TrafficBatch } from './counts.ts';
import type { Door, DoorObservation, Route, RouterCapabilities, TrafficRouter } from './router.ts';

export type ProxyKind = ProxySpec['kind'];

/** What is known of a service since this controller began: enough to carry it from one proxy to another. */
type Held = { kind: ProxyKind; door: Door | null; route: Route | null };

type Routers = Readonly<Partial<Record<ProxyKind, TrafficRouter>>>;

/**
 * One router made of one per kind of proxy: each service is served by the kind that its door names. A door that comes
 * with another kind moves: installed there with the present route, then taken away here; where both would need the same
 * port, taken away first. If the new one cannot be had, the former one is put back.
 */
export function routerByKind(
  routers: Routers,
): TrafficRouter & Required<Pick<TrafficRouter, 'capabilitiesOf'>> {
  return new RouterByKind(routers);
}

class RouterByKind implements TrafficRouter {
  readonly capabilities: RouterCapabilities;
  readonly #routers: Routers;
  readonly #kinds: readonly ProxyKind[];
  readonly #held = new Map<string, Held>();

  constructor(routers: Routers) {
    this.#routers = routers;
    this.#kinds = Object.keys(routers) as ProxyKind[];
    this.capabilities = weakest(this.#kinds.map((kind) => this.#router(kind).capabilities));
  }

  capabilitiesOf(kind: ProxyKind): RouterCapabilities | null {
    return this.#routers[kind]?.capabilities ?? null;
  }

  async install(door: Door): Promise<void> {
    const { kind } = door.spec.proxy;
    const router = this.#router(kind);
    const before = await this.#find(door.service);
    if (before === null || before.kind === kind) await router.install(door);
    else await this.#move(before, door);
    this.#held.set(door.service, { kind, door, route: before?.route ?? null });
  }

  async remove(service: string): Promise<void> {
    await (await this.#of(service)).remove(service);
    this.#held.delete(service);
  }

  async apply(route: Route): Promise<void> {
    await (await this.#of(route.service)).apply(route);
    const known = this.#held.get(route.service);
    if (known !== undefined && route.revision > (known.route?.revision ?? 0)) known.route = route;
  }

  async observe(service: string): Promise<DoorObservation> {
    return (await this.#of(service)).observe(service);
  }

  async cut(service: string, slot: SlotName): Promise<number> {
    return (await this.#of(service)).cut(service, slot);
  }

  async traffic(service: string, cursor: string | null): Promise<TrafficBatch> {
    const router = await this.#of(service);
    try {
      return await router.traffic(service, cursor);
    } catch (error) {
      // Of the proxy that served it before.
      if (!(error instanceof OperatingError) || error.code !== 'TRAFFIC_CURSOR_INVALID') throw error;
      return await router.traffic(service, null);
    }
  }

  async #of(service: string): Promise<TrafficRouter> {
    const found = await this.#find(service);
    // Whichever is asked says that nothing is installed.
    return this.#router(found?.kind ?? this.#kinds[0]!);
  }

  /** After a restart the doors are found where they are. */
  async #find(service: string): Promise<Held | null> {
    const known = this.#held.get(service);
    if (known !== undefined) return known;
    for (const kind of this.#kinds) {
      if (!(await hasDoor(this.#router(kind), service))) continue;
      const found = this.#held.get(service) ?? { kind, door: null, route: null };
      this.#held.set(service, found);
      return found;
    }
    return null;
  }

  async #move(before: Held, door: Door): Promise<void> {
    const [from, to] = [this.#router(before.kind), this.#router(door.spec.proxy.kind)];
    const samePort = before.door === null || before.door.spec.listen.port === door.spec.listen.port;
    if (samePort) await from.remove(door.service);
    try {
      await to.install(door);
      if (before.route !== null) await to.apply(before.route);
    } catch (error) {
      await to.remove(door.service);
      if (samePort && before.door !== null) {
        await from.install(before.door);
        if (before.route !== null) await from.apply(before.route);
      }
      throw error;
    }
    if (!samePort) await from.remove(door.service);
  }

  #router(kind: ProxyKind): TrafficRouter {
    const router = this.#routers[kind];
    if (router !== undefined) return router;
    throw new OperatingError(
      'TRAFFIC_PROXY_UNKNOWN',
      `This server has no router for ${kind}; it has ${this.#kinds.join(', ')}. Nothing was changed.`,
      { retryable: false },
    );
  }
}

async function hasDoor(router: TrafficRouter, service: string): Promise<boolean> {
  try {
    await router.observe(service);
    return true;
  } catch (error) {
    if (error instanceof OperatingError && error.code === 'TRAFFIC_NOT_INSTALLED') return false;
    throw error;
  }
}

/** What every one of them can do. */
function weakest(all: readonly RouterCapabilities[]): RouterCapabilities {
  return {
    shareStepPercent: Math.max(...all.map((each) => each.shareStepPercent)),
    sticky: all[0]!.sticky.filter((by) => all.every((each) => each.sticky.includes(by))),
    identities: all.every((each) => each.identities),
    override: all.every((each) => each.override),
    hold: all.every((each) => each.hold),
    mirror: all.every((each) => each.mirror),
    preview: all.every((each) => each.preview),
  };
}
