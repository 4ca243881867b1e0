import { onAddress } from '../src/lib/upstream.ts';
import { SLOT_NAMES } from '../src/release/slot.ts';
import { describeDoor } from '../test/e2e/door.ts';
import { startRouter } from '../test/e2e/router.ts';
import { waitFor } from '../test/e2e/wait-for.ts';
import type { Peer } from './peers.ts';

/** The built-in proxy as in a rollout: a quarter of the people on the candidate, counted by request and by identity. */
export const BUILTIN: Peer = {
  name: 'built-in',
  absent: () => null,
  start: async ({ directory, port, securePort, certificate, backends: [blue, green] }) => {
    const started = await startRouter(directory, 1);
    const { router } = started;
    const slots = { blue: [onAddress(blue)], green: [onAddress(green)] };
    const split = { rollout: 'r-1', slot: 'green', sharePercent: 25, seed: 'b'.repeat(32) } as const;
    const replicas = { blue: 1, green: 1 };
    const doors = [
      describeDoor(port, slots),
      { ...describeDoor(securePort, slots, { kind: 'builtin', tls: [certificate] }), service: 'secure' },
    ];
    for (const door of doors) {
      const { service } = door;
      await router.install(door);
      await router.apply({ service, revision: 1, serve: 'blue', split, replicas, standIn: true });
      await waitFor('both slots to be healthy', async () => {
        const { slots: seen } = await router.observe(service);
        return SLOT_NAMES.every((slot) => seen[slot].replicas[0]?.healthy);
      });
    }
    return started;
  },
};
