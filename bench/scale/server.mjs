/**
 * `bascule serve` as it is, compiled, but that what should run is taken to run: `applications.ts` listens on every port.
 * JavaScript, because stripping types takes memory of its own. Arguments: the compiled serve.js, its state directory.
 */
const [compiled, stateDir] = process.argv.slice(2);
const { serve } = await import(compiled);
await serve({ stateDir, configFile: null, version: 'bench' }, simulatedRuntime);
process.exit(0);

/** What `ensure` was asked for, by service and slot. */
function simulatedRuntime() {
  const running = new Map();
  return {
    ensure: async (workload) => void running.set(`${workload.service}/${workload.slot}`, workload),
    observe: async (service) =>
      ['blue', 'green'].flatMap((slot) => replicasOf(running.get(`${service}/${slot}`))),
    stop: async (service, slot) => void running.delete(`${service}/${slot}`),
    logs: async function* () {},
    diagnose: async () => [],
    onChange: () => () => undefined,
    detach: () => undefined,
  };
}

function replicasOf(workload) {
  if (workload === undefined) return [];
  const { slot, release, addresses, replicas } = workload;
  const always = { running: true, pid: process.pid, startedAtMs: 0, crashes: 0, lastExit: null };
  return addresses
    .slice(0, replicas)
    .map((address, replica) => ({ slot, replica, releaseId: release.id, address, ...always }));
}
