import { join } from 'node:path';
import type { Clock } from '../../lib/clock.ts';
import { messageOf } from '../../lib/errors.ts';
import type { SlotName } from '../../release/slot.ts';
import { listenersOf } from '../listeners.ts';
import type { WorkloadRuntime } from '../runtime.ts';
import type { SecretResolver } from '../secrets.ts';
import { sessionMembers } from '../session.ts';
import type { ReleaseStore } from '../store.ts';
import { explainReplica, listensRight, type ReplicaFacts } from './diagnose.ts';
import { LogFiles } from './log-files.ts';
import { readLogs, type LogTarget } from './log-reader.ts';
import { Records } from './record.ts';
import type { ReplicaTools } from './replica.ts';
import { SlotProcesses, type Place } from './slot-processes.ts';

export type ProcessRuntimeOptions = {
  /** Has `run/` (records), `logs/`. */
  readonly stateDir: string;
  readonly store: Pick<ReleaseStore, 'prepare'>;
  readonly secrets: SecretResolver;
  /** Users that `user:` may name. */
  readonly allowedUsers: readonly string[];
  /** PATH of commands; usually the controller's own. */
  readonly path: string;
  /** Of `readBootId`. */
  readonly bootId: string;
  readonly clock: Clock;
  /** Size at which a replica's log file is put aside; one older part is kept, so twice this per replica. */
  readonly largestLogBytes: number;
  /** Told in words what happens to output that nobody asked for. */
  readonly report: (message: string) => void;
};

export type ProcessRuntime = WorkloadRuntime & {
  /** Stops watching; every process goes on. For the end of the controller. */
  detach(): void;
};

const LOOK_MS = 200;
const LAST_LINES = 10;

/** Runs replicas as processes of this machine (Linux), and adopts those of an earlier controller at once. */
export function processRuntime(options: ProcessRuntimeOptions): ProcessRuntime {
  const records = new Records(join(options.stateDir, 'run'));
  const logs = new LogFiles(join(options.stateDir, 'logs'), options.largestLogBytes);
  const tools: ReplicaTools = { ...options, records, logs };
  const slots = new Map<string, SlotProcesses>();
  const listeners = new Set<(service: string, slot: SlotName) => void>();

  for (const record of records.load(options.bootId)) slotOf(record.service, record.slot).adopt(record);
  const looking = setInterval(() => {
    for (const slot of slots.values()) slot.look();
    turnLogs(slots.values(), logs, options.report);
  }, LOOK_MS);
  looking.unref();

  return {
    async ensure(workload) {
      const { service, slot, release } = workload;
      // Nothing may be awaited before: a stop right after this call must find it.
      await slotOf(service, slot).ensure(workload, async () => {
        await logs.claim(slot, release);
        await logs.prune(service, slot, release.label);
        return options.store.prepare(release);
      });
    },
    async observe(service) {
      return [...slots.values()].filter((slot) => slot.service === service).flatMap((slot) => slot.states());
    },
    async stop(service, slot, graceMs) {
      await slotOf(service, slot).stop(graceMs);
    },
    logs(service, slot, logOptions) {
      return readLogs(
        logs,
        { service, slot },
        () => logTargets(logs, slotOf(service, slot), logOptions.label),
        logOptions,
      );
    },
    async diagnose(service, slot) {
      try {
        return await diagnose(slotOf(service, slot), logs, options.clock);
      } catch (error) {
        return [`looking at ${service} in ${slot} failed: ${messageOf(error)}`];
      }
    },
    onChange(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    detach() {
      clearInterval(looking);
      for (const slot of slots.values()) slot.detach();
    },
  };

  function slotOf(service: string, slot: SlotName): SlotProcesses {
    const key = `${service}/${slot}`;
    let found = slots.get(key);
    if (found === undefined) {
      const changed = (): void => listeners.forEach((listener) => listener(service, slot));
      found = new SlotProcesses({ service, slot }, tools, changed);
      slots.set(key, found);
    }
    return found;
  }
}

/** Every time, because a program may write hundreds of megabytes in a second; a look costs two microseconds. */
function turnLogs(slots: Iterable<SlotProcesses>, logs: LogFiles, report: (message: string) => void): void {
  for (const slot of slots) {
    for (const { replica } of slot.places) {
      const path = logs.path(replica.record);
      logs.turnIfLarge(path).then(
        (dropped) => {
          if (dropped > 0)
            report(`${path}: the oldest ${dropped} bytes of output were dropped: no room, or too much`);
        },
        // The output stays as it is, and the next look tries again.
        (error: unknown) =>
          report(`${path} is over its size and could not be put aside: ${messageOf(error)}`),
      );
    }
  }
}

/** The release in the slot, or, when it is empty, the one that last wrote there. */
async function logTargets(
  logs: LogFiles,
  slot: SlotProcesses,
  former: string | undefined,
): Promise<readonly LogTarget[]> {
  const { places } = slot;
  if (former === undefined && places.length > 0) return places.map((place) => place.replica.record);
  const label = former ?? (await logs.labels(slot.service, slot.slot))[0];
  if (label === undefined) return [];
  const replicas = await logs.replicas(slot.service, slot.slot, label);
  return replicas.map((replica) => ({ releaseId: `${slot.service}/${label}`, label, replica }));
}

async function diagnose(slot: SlotProcesses, logs: LogFiles, clock: Clock): Promise<readonly string[]> {
  slot.look();
  const { places } = slot;
  if (places.length === 0) return [`nothing runs in ${slot.slot}`];
  const facts = places.map((place) => factsOf(place, clock));
  const worst = facts.findIndex((each) => !listensRight(each));
  const { record } = places[Math.max(0, worst)]!.replica;
  const options = { follow: false, tail: LAST_LINES, signal: new AbortController().signal };
  // Every start of a program that crashes says the same.
  const said = new Set<string>();
  for await (const line of readLogs(logs, record, async () => [record], options)) {
    said.add(`replica ${line.replica} said: ${line.text.slice(0, 500)}`);
  }
  if (said.size === 0) said.add(`replica ${record.replica} has written nothing`);
  return [...facts.flatMap(explainReplica), ...[...said].slice(-LAST_LINES)];
}

function factsOf(place: Place, clock: Clock): ReplicaFacts {
  const { replica, retry, retryAtMs, problem } = place;
  const { address, crashes, lastExit } = replica.record;
  const pids = sessionMembers(replica.session, replica.marks()).map((stat) => stat.pid);
  return {
    replica: replica.record.replica,
    address,
    pid: replica.state().pid,
    upMs: replica.upMs(),
    listens: listenersOf(pids),
    crashes,
    lastExit,
    retryInMs: retry === null ? null : Math.max(0, retryAtMs - clock.monotonicMs()),
    problem,
  };
}
