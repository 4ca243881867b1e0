import { SLOT_NAMES, type SlotName } from '../../release/slot.ts';
import type { Route } from '../router.ts';
import type { MasterSocket, Workers } from './master.ts';
import type { BackendTotal } from './cross-check.ts';
import { backendName, LANES, otherSlot, serverName } from './names.ts';
import { mayStandIn, type ServicePlan } from './plan.ts';
import { type MapEntry, REVISION_KEY, routeMap } from './route-map.ts';
import { parseStats, parseTotals, type ServerState } from './stats.ts';

const CUT_MS = 2000;
const POLL_MS = 15;
const STATS = 'show stat -1 4 -1';

/** What is changed while HAProxy runs, in every worker: former ones still serve the connections that they have. */
export class Control {
  private readonly master: MasterSocket;

  constructor(master: MasterSocket) {
    this.master = master;
  }

  /** Who may be asked first, then who is: nobody is sent to a server that is switched off. Errors: TRAFFIC_UNREACHABLE, TRAFFIC_NOT_SERVED. */
  async apply(plan: ServicePlan, route: Route): Promise<void> {
    await this.everywhere(async (worker, isFormer) => {
      const states = await this.statesOf(worker, plan.door.service);
      if (isFormer && states.length === 0) return;
      const { on, off } = switches(plan, route, states);
      if (on.length > 0) await this.master.tellAll(worker, on);
      await this.master.replaceMap(worker, plan.mapFile, routeMap(route));
      if (off.length > 0) await this.master.tellAll(worker, off);
    });
  }

  /** Puts another map in the place of the route's. */
  async replaceMap(plan: ServicePlan, entries: readonly MapEntry[]): Promise<void> {
    await this.everywhere(async (worker, isFormer) => {
      if (isFormer && (await this.statesOf(worker, plan.door.service)).length === 0) return;
      await this.master.replaceMap(worker, plan.mapFile, entries);
    });
  }

  /** The lowest revision that a worker goes by; 0 before the first. */
  async revision(plan: ServicePlan): Promise<number> {
    const found = await this.everywhere(async (worker, isFormer) => {
      const revision = await this.master.lookUp(worker, plan.mapFile, REVISION_KEY);
      // A former worker may never have heard of the service.
      return revision === null && isFormer ? Number.POSITIVE_INFINITY : Number(revision ?? 0);
    });
    return Math.min(...found);
  }

  /** By worker, the one that takes new connections first. */
  async states(service: string): Promise<ServerState[][]> {
    return await this.everywhere((worker) => this.statesOf(worker, service));
  }

  /** Of each backend in each worker. */
  async totals(service: string): Promise<BackendTotal[]> {
    const asked = SLOT_NAMES.flatMap((slot) =>
      LANES.map((lane) => `show stat ${backendName(service, slot, lane)} 2 -1`),
    );
    const all = await this.everywhere(async (worker) =>
      parseTotals(await this.master.tellAll(worker, asked), worker),
    );
    return all.flat();
  }

  /** Ends what is in flight on a slot. */
  async cut(service: string, slot: SlotName): Promise<number> {
    const counts = await this.everywhere(async (worker) => {
      const first = await this.busy(worker, service, slot);
      const deadline = performance.now() + CUT_MS;
      // Again: HAProxy takes what was ended before its answer for a failure, and tries the next replica.
      for (let busy = first; busy.length > 0 && performance.now() < deadline;) {
        await this.master.tellAll(worker, busy.map(shutdown));
        await pause();
        busy = await this.busy(worker, service, slot);
      }
      return first.reduce((sum, { inFlight }) => sum + inFlight, 0);
    });
    return counts.reduce((sum, count) => sum + count, 0);
  }

  private async busy(worker: number, service: string, slot: SlotName): Promise<ServerState[]> {
    const states = await this.statesOf(worker, service);
    return states.filter(({ server, inFlight }) => server.slot === slot && inFlight > 0);
  }

  private async statesOf(worker: number, service: string): Promise<ServerState[]> {
    return parseStats(await this.master.tell(worker, STATS)).filter(
      ({ backend }) => backend.service === service,
    );
  }

  /** For each living worker; a former one that ends meanwhile has nothing to be told any more. */
  private async everywhere<T>(act: (worker: number, isFormer: boolean) => Promise<T>): Promise<T[]> {
    const { current, living }: Workers = await this.master.workers();
    const former = living.filter((worker) => worker !== current);
    const found: T[] = current === null ? [] : [await act(current, false)];
    for (const worker of former) {
      try {
        found.push(await act(worker, true));
      } catch (error) {
        if ((await this.master.workers()).living.includes(worker)) throw error;
      }
    }
    return found;
  }
}

function shutdown({ backend, server }: ServerState): string {
  const { service, slot, lane } = backend;
  return `shutdown sessions server ${backendName(service, slot, lane)}/${serverName(server.slot, server.replica)}`;
}

type Switches = { readonly on: readonly string[]; readonly off: readonly string[] };

/** What makes the servers be used as the route says. One that begins has to show its health first. */
function switches(plan: ServicePlan, route: Route, states: readonly ServerState[]): Switches {
  const { service } = plan.door;
  const on: string[] = [];
  const off: string[] = [];
  for (const slot of SLOT_NAMES) {
    for (const { backend, server, status } of states) {
      if (backend.slot !== slot || server.slot !== slot || backend.lane !== 'plain') continue;
      const name = `${backendName(service, slot, 'plain')}/${serverName(slot, server.replica)}`;
      const isUsed = server.replica < route.replicas[slot];
      const isOff = status.startsWith('MAINT');
      if (isUsed && isOff) on.push(`set server ${name} state ready`, `set server ${name} health down`);
      if (!isUsed && !isOff) off.push(`set server ${name} state maint`);
    }
    if (!mayStandIn(plan)) continue;
    for (const lane of ['plain', 'streams'] as const) {
      for (const replica of plan.door.slots[otherSlot(slot)].keys()) {
        const name = `${backendName(service, slot, lane)}/${serverName(otherSlot(slot), replica)}`;
        if (route.standIn) on.push(`set server ${name} state ready`);
        else on.unshift(`set server ${name} state maint`);
      }
    }
  }
  return { on, off };
}

function pause(): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve, POLL_MS);
  });
}
