import { flushCompileCache } from 'node:module';
import { formatAddress } from '../../../lib/address.ts';
import { sinceBootMs } from '../../../lib/steady-clock.ts';
import { doorHosts } from '../../../release/door-hosts.ts';
import { SLOT_NAMES } from '../../../release/slot.ts';
import type { Door } from '../../router.ts';
import { serviceOf, type Answer, type Ask, type FromWorker, type Place, type ToWorker } from '../messages.ts';
import type { ServiceState } from '../../state-store.ts';
import type { ReplicaHealth } from '../../prober.ts';
import { accessLogPath } from '../access-log-file.ts';
import { accountingOf } from './accounting.ts';
import { type DoorEntry, doorTable } from './door-table.ts';
import type { Exchange } from './exchange.ts';
import type { Entrance, FrontState } from './front.ts';
import { Fronts } from './fronts.ts';
import { answersTo } from './challenge.ts';
import { Malformed } from './malformed.ts';
import { Mint } from './mint.ts';
import { Retirement } from './retirement.ts';
import { ServiceLive, type ServiceParts } from './service-live.ts';
import { takeCounts } from './taken-counts.ts';

/**
 * A worker of the proxy: serves HTTP on sockets that its parent owns. It keeps nothing that matters: it may be killed
 * at any moment, and ends by itself when its parent does.
 */
const SWEEP_MS = 1000;
const DRAIN_TICK_MS = 25;
const STOP_POLL_MS = 25;
const LAST_LINES_MS = 500;

const services = new Map<string, ServiceLive>();
let place: Place = { index: 0, of: 1 };
let accessFolder = '';
const state: FrontState = {
  doors: new Map(),
  previews: new Map(),
  redirects: new Map(),
  challenges: new Map(),
  isStopping: false,
  mint: new Mint(),
  malformed: new Malformed(),
};
const fronts = new Fronts(state, () => [...services.values()].map(({ door }) => door));
/** What makes the machine's monotonic time the steady one that the parent and the controller number seconds by. */
const OFFSET_MS = Number(process.argv[2]);
let second = Math.floor(steadyMs() / 1000);

process.on('disconnect', () => process.exit(0));
// Ctrl-C and `kill` of the whole group: the parent decides how to end.
process.on('SIGINT', () => {});
process.on('SIGTERM', () => {});
process.on('exit', () => {
  for (const { accounting } of services.values()) accounting?.log?.flushNow();
});
process.on('message', (message: ToWorker, handle: unknown) => receive(message, handle));
setInterval(sweep, SWEEP_MS);
setInterval(tickDrains, DRAIN_TICK_MS);
scheduleFlush();

function receive(message: ToWorker, handle: unknown): void {
  switch (message.kind) {
    case 'start':
      place = fronts.place = message.place;
      accessFolder = message.accessFolder;
      state.challenges = answersTo(message.challenges);
      fronts.ticketKeys = Buffer.from(message.ticketKeys);
      for (const [service, each] of message.certificates) fronts.certificates.set(service, each);
      for (const service of message.services) restore(service);
      rebuildDoors();
      for (const each of message.health) setHealth(each, false);
      tell({ kind: 'started' });
      // Written now: a process that is killed writes nothing.
      setImmediate(flushCompileCache);
      break;
    case 'listen':
      fronts.listen(message, handle, (error) =>
        tell({ kind: 'listening', listener: message.listener, error }),
      );
      break;
    case 'unlisten':
      fronts.unlisten(message.listener);
      break;
    case 'certificates':
      fronts.certificates.set(message.service, message.certificates);
      fronts.show();
      break;
    case 'ticketKeys':
      fronts.useTicketKeys(Buffer.from(message.keys));
      break;
    case 'ask':
      tell({ kind: 'answer', id: message.id, answer: answer(message.ask) });
      break;
    case 'health':
      setHealth(message.health, true);
      break;
    case 'ejection':
      services.get(message.service)?.eject(message.slot, message.replica, message.isEjected);
      break;
    case 'permits':
      services.get(message.service)?.holdPermits(message.epoch, message.held);
      break;
    case 'permitsGranted':
      services.get(message.service)?.slots[message.slot].care?.granted(message.gift.permits);
      break;
    case 'permitsSought':
      services.get(message.service)?.slots[message.slot].care?.sought(message.search);
      break;
    case 'retire':
      retire();
      break;
    case 'stop':
      stop(message.graceMs);
      break;
  }
}

function answer(ask: Ask): Answer {
  const nowMs = performance.now();
  let cut = 0;
  switch (ask.op) {
    case 'install':
      fronts.certificates.set(ask.door.service, ask.certificates);
      install(ask.door);
      break;
    case 'remove':
      services.get(ask.service)?.retire();
      services.delete(ask.service);
      fronts.certificates.delete(ask.service);
      rebuildDoors();
      break;
    case 'apply':
      services.get(ask.route.service)?.apply(ask.route, nowMs);
      break;
    case 'cut':
      for (const each of services.get(ask.service)?.slots[ask.slot].inFlight ?? []) {
        each.cut();
        cut += 1;
      }
      break;
    case 'challenges':
      state.challenges = answersTo(ask.challenges);
      break;
    case 'observe':
      break;
  }
  return observed(ask, cut);
}

function observed(ask: Ask, cut: number): Answer {
  const service = services.get(serviceOf(ask));
  const inFlight = { blue: 0, green: 0 };
  const streams = { blue: 0, green: 0 };
  for (const slot of SLOT_NAMES) {
    for (const each of service?.slots[slot].inFlight ?? []) (each.isStream ? streams : inFlight)[slot] += 1;
  }
  const queued = {
    blue: service?.slots.blue.care?.queue?.size ?? 0,
    green: service?.slots.green.care?.queue?.size ?? 0,
  };
  const revision = service?.route?.revision ?? 0;
  return { revision, inFlight, streams, held: service?.room.size ?? 0, queued, cut };
}

/** The table of doors is to be made anew when all are there. */
function restore({ door, route }: ServiceState): void {
  take(door);
  if (route !== null) services.get(door.service)!.apply(route, performance.now());
}

function install(door: Door): void {
  take(door);
  rebuildDoors();
}

function take(door: Door): void {
  const known = services.get(door.service);
  const service = known ?? new ServiceLive(door, partsOf(door.service));
  if (known === undefined) services.set(door.service, service);
  else known.install(door);
  service.accounting = accountingOf(door.spec, service.accounting, {
    path: accessLogPath(accessFolder, door.service),
    mint: state.mint,
    onFull: () => tell({ kind: 'accessLogFull', service: door.service }),
    note: (text) => tell({ kind: 'note', text }),
  });
}

function partsOf(service: string): ServiceParts {
  const epoch = (): number => services.get(service)?.permitEpoch ?? 0;
  return {
    place,
    onSuspect: ({ slot, index }) => tell({ kind: 'suspect', service, slot, replica: index }),
    onOutlier: ({ slot, index }, why) => tell({ kind: 'outlier', service, slot, replica: index, why }),
    askForPermits: (slot, replicas) =>
      tell({ kind: 'permitsWanted', service, epoch: epoch(), slot, replicas }),
    givePermits: (slot, gift) => tell({ kind: 'permitsGiven', service, epoch: epoch(), slot, gift }),
  };
}

function rebuildDoors(): void {
  // In the order of their names, so that no two workers differ.
  const all = [...services.values()].sort((a, b) => (a.door.service < b.door.service ? -1 : 1));
  state.doors = doorTable(all.flatMap((service) => entriesOf(service, service.door.spec.listen.port)));
  state.redirects = doorTable(
    all.flatMap((service) => {
      const { proxy } = service.door.spec;
      const port = proxy.kind === 'builtin' ? proxy.redirectFrom : undefined;
      return port === undefined ? [] : entriesOf(service, port);
    }),
  );
  state.previews = new Map(
    all.flatMap((service) => {
      const { preview } = service.door;
      if (preview === null) return [];
      return SLOT_NAMES.map((slot) => [formatAddress(preview[slot]), { service, slot }] as const);
    }),
  );
  fronts.show();
}

function entriesOf(service: ServiceLive, port: number): DoorEntry<Entrance>[] {
  const { spec } = service.door;
  const listener = formatAddress({ host: spec.listen.address, port });
  return doorHosts(spec).map((host, index) => ({
    listener,
    host,
    path: spec.path,
    when: spec.proxy.kind === 'builtin' ? spec.proxy.when : undefined,
    value: { service, isAlias: index > 0 },
  }));
}

function setHealth({ service, slot, replica, healthy }: ReplicaHealth, isNews: boolean): void {
  services.get(service)?.setHealth(slot, replica, { healthy, isNews });
}

function sweep(): void {
  const nowMs = performance.now();
  for (const service of services.values()) {
    for (const replica of service.replicas) replica.closeStale(nowMs);
    for (const slot of SLOT_NAMES) {
      for (const each of service.slots[slot].inFlight) (each as Exchange).sweep(nowMs);
    }
  }
}

function tickDrains(): void {
  const nowMs = performance.now();
  for (const service of services.values()) {
    for (const name of SLOT_NAMES) {
      const slot = service.slots[name];
      const result = slot.drain?.tick(slot.inFlight, nowMs) ?? null;
      if (result === null) continue;
      slot.drain = null;
      if (result.cut + result.closed === 0) continue;
      tell({
        kind: 'note',
        text: `drained ${service.door.service} ${name}: closed ${result.closed} streams, cut ${result.cut} requests`,
      });
    }
  }
}

/** Every second, on the second: what was decided in it is told, silence included. */
function scheduleFlush(): void {
  setTimeout(
    () => {
      const now = Math.floor(steadyMs() / 1000);
      if (now > second) {
        tell({ kind: 'counts', second: now - 1, services: takeCounts(services.values(), state.malformed) });
        for (const text of state.malformed.notes(performance.now())) tell({ kind: 'note', text });
        second = now;
      }
      scheduleFlush();
    },
    1002 - (steadyMs() % 1000),
  );
}

function steadyMs(): number {
  return OFFSET_MS + sinceBootMs();
}

function retire(): void {
  state.isStopping = true;
  const retirement = new Retirement(() => services.values(), fronts, performance.now());
  const timer = setInterval(() => {
    if (!retirement.tick(performance.now())) return;
    clearInterval(timer);
    void leave();
  }, DRAIN_TICK_MS);
}

function stop(graceMs: number): void {
  state.isStopping = true;
  for (const service of services.values()) service.room.turnAway('the proxy is being stopped');
  fronts.closeAll();
  const untilMs = performance.now() + graceMs;
  const timer = setInterval(() => {
    const isBusy = [...services.values()].some((service) =>
      SLOT_NAMES.some((name) => service.slots[name].inFlight.size > 0),
    );
    if ((isBusy || fronts.isLeaving) && performance.now() < untilMs) return;
    clearInterval(timer);
    void leave();
  }, STOP_POLL_MS);
}

async function leave(): Promise<void> {
  // A disk that hangs is not waited for.
  setTimeout(() => process.exit(0), LAST_LINES_MS);
  await Promise.all([
    ...[...services.values()].flatMap(({ accounting }) => accounting?.log?.flush() ?? []),
    toldAll(),
  ]);
  process.exit(0);
}

/** The second that has begun is over with us. */
function toldAll(): Promise<void> {
  const counts = {
    kind: 'counts',
    second,
    services: takeCounts(services.values(), state.malformed),
  } as const;
  return new Promise((resolve) => tell(counts, resolve));
}

/** `told`: it has left this process, or there is nobody to hear it. */
function tell(message: FromWorker, told: () => void = () => {}): void {
  if (process.connected) process.send!(message, undefined, undefined, () => told());
  else told();
}
