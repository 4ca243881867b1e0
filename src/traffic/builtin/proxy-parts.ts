import { randomBytes } from 'node:crypto';
import { availableParallelism } from 'node:os';
import { type OperatingError, messageOf } from '../../lib/errors.ts';
import type { SteadyClock } from '../../lib/steady-clock.ts';
import { HealthMemory } from '../health-memory.ts';
import { Prober, type ReplicaHealth } from '../prober.ts';
import type { Door } from '../router.ts';
import { type ServiceState, StateStore } from '../state-store.ts';
import type { AcmeDesk } from './acme/acme-desk.ts';
import { accessFolder, accessLogPath, turnAccessLog } from './access-log-file.ts';
import type { CallQueue } from './call-queue.ts';
import type { CertificateShelf } from './certificate-shelf.ts';
import type { ControlServer } from './control-server.ts';
import { Fleet, type FleetOptions } from './fleet.ts';
import { GivingWay } from './giving-way.ts';
import { HoldDesk } from './hold-desk.ts';
import { HoldFile } from './hold-file.ts';
import { Ledger } from './ledger.ts';
import type { ListeningHandle } from './listeners.ts';
import { openCertificates } from './open-certificates.ts';
import { Plane } from './plane.ts';
import { ReplicaDesk } from './replica-desk.ts';
import { TakingOver, hasFormer } from './taking-over.ts';
import { TicketKeys } from './ticket-keys.ts';

export type Log = (text: string) => void;

export type PartsOptions = {
  readonly stateDir: string;
  /** Worker processes, or null for one per core, up to four. */
  readonly workers: number | null;
  readonly clock: SteadyClock;
  readonly control: ControlServer;
  readonly calls: CallQueue;
  readonly log: Log;
};

/** What the parent of a proxy is made of. */
export type Parts = {
  readonly control: ControlServer;
  readonly plane: Plane;
  readonly fleet: Fleet;
  readonly prober: Prober;
  readonly ledger: Ledger;
  readonly shelf: CertificateShelf;
  readonly acme: AcmeDesk;
  readonly desk: HoldDesk;
  readonly holdFile: HoldFile;
  /** Whose place another proxy may take. */
  readonly giving: GivingWay;
  /** The taking of another one's place; null for a proxy that begins by itself. */
  readonly taking: TakingOver | null;
  readonly inherited: Map<string, ListeningHandle>;
  /** Of something that is damaged. */
  readonly tell: (error: OperatingError) => void;
  readonly log: Log;
};

const MAX_WORKERS = 4;

/** Reads what is on disk, and what the former proxy says. Nothing runs yet. */
export async function openParts(options: PartsOptions): Promise<Parts> {
  const { stateDir, clock, log, control, calls } = options;
  const tell = (error: OperatingError): void => log(`${error.code}: ${error.message}`);
  const store = new StateStore(stateDir);
  const memory = new HealthMemory(stateDir);
  const holdFile = new HoldFile(stateDir);
  const inherited = new Map<string, ListeningHandle>();
  const ledger = new Ledger(randomBytes(8).toString('hex'), Math.floor(clock.steadyMs() / 1000));
  const words = wordsOf(() => ({ ledger, fleet, prober, plane, giving }), options);
  const taking = hasFormer() ? new TakingOver(ledger, words) : null;
  const begun = (await taking?.begun()) ?? null;
  const restored = await store.load(tell);
  const healthy = begun?.health.filter((each) => each.healthy) ?? (await memory.load());
  const { acme, shelf } = openCertificates(stateDir, restored, log, () => fleet);
  const tickets = new TicketKeys(
    (keys) => fleet.tell({ kind: 'ticketKeys', keys }),
    begun?.ticketKeys ?? null,
  );
  const desk = new HoldDesk(holdFile, log);
  const prober: Prober = openProber(log, (health) => {
    fleet.tell({ kind: 'health', health });
    memory.keep(prober.health());
    replicas.review(health.service);
  });
  const fleet: Fleet = new Fleet({
    clock,
    size: options.workers ?? Math.min(MAX_WORKERS, availableParallelism()),
    onStart: (place) => ({
      kind: 'start',
      place,
      services: plane.states,
      health: prober.health(),
      certificates: new Map(plane.states.map(({ door }) => [door.service, shelf.of(door.service)])),
      ticketKeys: tickets.keys,
      challenges: acme.challenges,
      accessFolder: accessFolder(stateDir),
    }),
    ...words,
    onLaunched: () => replicas.renew(),
    onReplica: (worker, message) => replicas.receive(worker, message),
  });
  const stateOf = (service: string): ServiceState | null => plane.stateOf(service);
  const replicas: ReplicaDesk = new ReplicaDesk({ fleet, prober, stateOf, log });
  const plane: Plane = new Plane(
    { store, fleet, prober, ledger, shelf, acme, replicas, inherited },
    restored,
  );
  const giving: GivingWay = new GivingWay({ calls, plane, fleet, prober, ledger, desk, tickets, log });
  for (const { door } of restored) replicas.install(door);
  followRestored(prober, restored, healthy);
  return {
    control,
    plane,
    fleet,
    prober,
    ledger,
    shelf,
    acme,
    desk,
    holdFile,
    giving,
    taking,
    inherited,
    tell,
    log,
  };
}

type Words = Pick<FleetOptions, 'onCounts' | 'onSuspect' | 'onAccessLogFull' | 'onDeath' | 'log'>;
type Listeners = Pick<Parts, 'ledger' | 'fleet' | 'prober' | 'plane' | 'giving'>;

/** What becomes of all that workers say, our own and those of the former proxy: another proxy hears it in our place. */
function wordsOf(to: () => Listeners, { stateDir, log }: PartsOptions): Words {
  return {
    onCounts: (counts) => {
      const { ledger, giving, fleet } = to();
      if (!giving.isGiven) ledger.add(counts.services);
      giving.say({ ...counts, second: fleet.countedSecond ?? counts.second });
    },
    onSuspect: (suspicion) => {
      const { prober, giving } = to();
      const { service, slot, replica } = suspicion;
      if (giving.isGiven) giving.say(suspicion);
      else prober.hurry(service, slot, replica);
    },
    onAccessLogFull: (service) => {
      const { plane, giving } = to();
      if (giving.isGiven) giving.say({ kind: 'accessLogFull', service });
      else putAside(stateDir, plane.doorOf(service), log);
    },
    onDeath: () => {
      const { ledger, giving } = to();
      ledger.markLost();
      giving.say({ kind: 'lost' });
    },
    log,
  };
}

/** Whatever becomes of it, lines are written or dropped by the workers, who say so. */
function putAside(stateDir: string, door: Door | null, log: Log): void {
  const proxy = door?.spec.proxy;
  if (door === null || proxy?.kind !== 'builtin' || proxy.accessLog === undefined) return;
  try {
    turnAccessLog(accessLogPath(accessFolder(stateDir), door.service), proxy.accessLog.keepBytes);
  } catch (error) {
    log(`could not put the access log of ${door.service} aside: ${messageOf(error)}`);
  }
}

function openProber(log: Log, onChange: (health: ReplicaHealth) => void): Prober {
  return new Prober({
    random: Math.random,
    onChange: (health) => {
      const { service, slot, replica, healthy } = health;
      log(`${service} ${slot} replica ${replica} is ${healthy ? 'healthy' : 'not healthy'}`);
      onChange(health);
    },
  });
}

function followRestored(
  prober: Prober,
  restored: readonly ServiceState[],
  healthy: Awaited<ReturnType<HealthMemory['load']>>,
): void {
  for (const { door, route } of restored) {
    const was = (slot: string, replica: number): boolean =>
      healthy.some((each) => each.service === door.service && each.slot === slot && each.replica === replica);
    prober.follow(door, route, was);
  }
}
