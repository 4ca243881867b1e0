import type { Release } from '../release/release.ts';
import type { SlotName } from '../release/slot.ts';
import type { WorkloadRuntime } from './runtime.ts';

/**
 * Several runtimes as one: `ownerOf` says whose a release is. What holds a slot is found by looking, so that a slot may pass
 * from one to the other, as that of an adopted version does.
 */
export function runtimeByOwner(
  runtimes: readonly WorkloadRuntime[],
  ownerOf: (release: Release) => WorkloadRuntime,
): WorkloadRuntime {
  async function holderOf(service: string, slot: SlotName): Promise<WorkloadRuntime> {
    for (const runtime of runtimes)
      if ((await runtime.observe(service)).some((replica) => replica.slot === slot)) return runtime;
    return runtimes[0]!;
  }
  return {
    ensure: (workload) => ownerOf(workload.release).ensure(workload),
    observe: async (service) =>
      (await Promise.all(runtimes.map((runtime) => runtime.observe(service)))).flat(),
    stop: async (service, slot, graceMs) => {
      await Promise.all(runtimes.map((runtime) => runtime.stop(service, slot, graceMs)));
    },
    logs: async function* (service, slot, options) {
      yield* (await holderOf(service, slot)).logs(service, slot, options);
    },
    diagnose: async (service, slot) => (await holderOf(service, slot)).diagnose(service, slot),
    onChange: (listener) => {
      const stops = runtimes.map((runtime) => runtime.onChange(listener));
      return () => stops.forEach((stop) => stop());
    },
  };
}
