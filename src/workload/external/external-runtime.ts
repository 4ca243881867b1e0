import type { Clock } from '../../lib/clock.ts';
import type { SlotName } from '../../release/slot.ts';
import type { ReplicaState, SlotWorkload, WorkloadRuntime } from '../runtime.ts';

/**
 * What somebody else runs, behind the port of what Bascule runs: it is noted where a release stands, and nothing is started
 * or stopped. The note needs no disk: the controller ensures again what its journal has in a slot. That it is there and
 * well is for the proxy's probes to say.
 */
export function externalRuntime(clock: Clock): WorkloadRuntime {
  const standing = new Map<string, { readonly workload: SlotWorkload; readonly sinceMs: number }>();
  const listeners = new Set<(service: string, slot: SlotName) => void>();
  const tell = (service: string, slot: SlotName): void => {
    for (const listener of listeners) listener(service, slot);
  };
  const of = (service: string) =>
    [...standing.values()].filter(({ workload }) => workload.service === service);
  return {
    ensure: async (workload) => {
      const key = keyOf(workload.service, workload.slot);
      const former = standing.get(key);
      const isSame = former?.workload.release.id === workload.release.id;
      standing.set(key, { workload, sinceMs: isSame ? former.sinceMs : clock.nowMs() });
      if (!isSame) tell(workload.service, workload.slot);
    },
    observe: async (service) => of(service).flatMap(({ workload, sinceMs }) => replicasOf(workload, sinceMs)),
    stop: async (service, slot) => {
      if (standing.delete(keyOf(service, slot))) tell(service, slot);
    },
    // Its output is where it runs.
    logs: async function* () {},
    diagnose: async (service, slot) => {
      const there = standing.get(keyOf(service, slot));
      if (there === undefined) return [];
      const { label } = there.workload.release;
      return [`Bascule does not run ${label}: what ${slot} is, and its output, are with whoever does`];
    },
    onChange: (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
  };
}

function keyOf(service: string, slot: SlotName): string {
  return `${service}/${slot}`;
}

function replicasOf(workload: SlotWorkload, startedAtMs: number): readonly ReplicaState[] {
  return workload.addresses.slice(0, workload.replicas).map((address, replica) => ({
    slot: workload.slot,
    replica,
    releaseId: workload.release.id,
    address: { host: address.host, port: address.port },
    running: true,
    pid: null,
    startedAtMs,
    crashes: 0,
    lastExit: null,
  }));
}
