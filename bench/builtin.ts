import { onAddress } from '../src/lib/upstream.ts';
import { SLOT_NAMES } from '../src/release/slot.ts';
import { SERVICE, describeDoor } from '../test/e2e/door.ts';
import { startRouter } from '../test/e2e/router.ts';
import { waitFor } from '../test/e2e/wait-for.ts';
import type { Peer } from './peers.ts';

/** The built-in proxy as in a rollout: a quarter of the people on the candidate, counted by request and by identity. */
export const BUILTIN: Peer = {
  name: 'built-in',
  absent: () => null,
  start: async ({ directory, port, backends: [blue, green] }) => {
    const started = await startRouter(directory, 1);
    const { router } = started;
    await router.install(describeDoor(port, { blue: [onAddress(blue)], green: [onAddress(green)] }));
    const split = { rollout: 'r-1', slot: 'green', sharePercent: 25, seed: 'b'.repeat(32) } as const;
    const replicas = { blue: 1, green: 1 };
    await router.apply({ service: SERVICE, revision: 1, serve: 'blue', split, replicas, standIn: true });
    await waitFor('both slots to be healthy', async () => {
      const { slots } = await router.observe(SERVICE);
      return SLOT_NAMES.every((slot) => slots[slot].replicas[0]?.healthy);
    });
    return started;
  },
};
