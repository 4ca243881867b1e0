import type { Address } from '../../lib/address.ts';
import type { SlotName } from '../../release/slot.ts';
import type { TrafficBatch } from '../counts.ts';
import type { HoldPort } from '../hold-port.ts';
import type { Door, DoorObservation, Route, RouterCapabilities, TrafficRouter } from '../router.ts';
import type { ControlCall } from './control-protocol.ts';
import {
  type BuiltinRouterOptions,
  CALL_TIMEOUT_MS,
  ProxyKeeper,
  type ProxyReplaced,
} from './proxy-keeper.ts';
import { USUAL_TIMEOUTS } from '../../release/resilience.ts';

export type BuiltinRouter = TrafficRouter & {
  /** For routers of other proxies, which let requests wait here. */
  readonly holdPort: HoldPort;
  /** Finds the running proxy or starts one. Errors: TRAFFIC_UNREACHABLE, TRAFFIC_STATE_DAMAGED and others of its start. */
  start(): Promise<void>;
  /**
   * Another proxy, by this controller's command, takes the place of the running one; no request fails by it. Error:
   * TRAFFIC_PROXY_KEPT, TRAFFIC_UNREACHABLE.
   */
  replaceProxy(): Promise<ProxyReplaced>;
  /** Lets go of the proxy, which keeps serving. */
  close(): void;
  /** Ends the proxy, letting what is in flight go on for at most `graceMs`. */
  stopProxy(graceMs: number): Promise<void>;
  /** Of the running proxy. */
  pid(): number | null;
};

const CAPABILITIES: RouterCapabilities = {
  shareStepPercent: 0.1,
  sticky: ['cookie', 'header', 'address', 'none'],
  identities: true,
  override: true,
  hold: true,
  mirror: true,
  headTimeoutMs: USUAL_TIMEOUTS.responseHeadMs,
  preview: true,
};

/** The built-in proxy behind the router port: starts it, finds it again, restarts it when it dies. */
export function builtinRouter(options: BuiltinRouterOptions): BuiltinRouter {
  const keeper = new ProxyKeeper(options);
  const callTimeoutMs = options.callTimeoutMs ?? CALL_TIMEOUT_MS;
  const call = (request: ControlCall): Promise<unknown> => keeper.call(request, callTimeoutMs);
  return {
    capabilities: CAPABILITIES,
    install: async (door: Door) => void (await call({ op: 'install', door })),
    remove: async (service: string) => void (await call({ op: 'remove', service })),
    apply: async (route: Route) => void (await call({ op: 'apply', route })),
    observe: async (service: string) => (await call({ op: 'observe', service })) as DoorObservation,
    cut: async (service: string, slot: SlotName) => (await call({ op: 'cut', service, slot })) as number,
    traffic: async (service, cursor) => (await call({ op: 'traffic', service, cursor })) as TrafficBatch,
    holdPort: {
      open: async (way) => (await call({ op: 'holdOpen', way })) as Address,
      set: async (service, revision, hold) => void (await call({ op: 'holdSet', service, revision, hold })),
      waiting: async (service) => (await call({ op: 'holdWaiting', service })) as number,
      close: async (service) => void (await call({ op: 'holdClose', service })),
    },
    start: () => keeper.start(callTimeoutMs),
    replaceProxy: () => keeper.replaceProxy(),
    close: () => keeper.close(),
    stopProxy: (graceMs) => keeper.stopProxy(graceMs),
    pid: () => keeper.pid,
  };
}
