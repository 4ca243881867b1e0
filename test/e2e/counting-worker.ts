import { setTimeout as sleep } from 'node:timers/promises';
import type { Behind } from './behind.ts';
import type { Asked, Backends } from './counting-backends.ts';
import { CountingClient, type Outcome } from './counting-client.ts';
import { CONNECTIONS, cookieOf } from './counting-load.ts';
import { settled, type Doors } from './counting-world.ts';

type Broken = {
  readonly behind: Behind;
  readonly doors: Doors;
  readonly backends: Backends;
  readonly file: string;
};

/** What a worker that is killed under load takes with it: measured, not judged. */
export async function killWorker({ behind, doors, backends, file }: Broken): Promise<void> {
  const before = await settled(file, backends);
  const client = new CountingClient(CONNECTIONS);
  const [, worker] = behind.pids();
  const broken: Outcome[] = [];
  const endMs = performance.now() + 4000;
  const killer = sleep(2700).then(() => process.kill(worker!, 'SIGKILL'));
  const lane = async (_: unknown, at: number): Promise<void> => {
    for (let n = at; performance.now() < endMs; n += CONNECTIONS) {
      const outcome = await client.ask({ port: doors['main']!, path: '/ok', cookie: cookieOf(n) });
      if (outcome.status !== 200) broken.push(outcome);
    }
  };
  await Promise.all([killer, ...Array.from({ length: CONNECTIONS }, lane)]);
  client.close();
  const after = await settled(file, backends);
  const were = total(after.asked) - total(before.asked);
  const counted = total(after.kept.counts) - total(before.kept.counts);
  const told = after.kept.lost
    .filter(({ service }) => service === 'main')
    .slice(before.kept.lost.filter(({ service }) => service === 'main').length);
  console.log(
    `one of nginx's workers killed at ${(were / 4).toFixed(0)} requests a second: ${were - counted} of ${were} not counted, ` +
      `${broken.length} broken off; seconds reported as lost: ${told.map(({ fromSecond, toSecond }) => toSecond - fromSecond + 1).join(', ') || 'none'}`,
  );
}

function total(counts: Asked): number {
  return Object.entries(counts)
    .filter(([key]) => key.startsWith('main'))
    .flatMap(([, of]) => Object.values(of))
    .reduce((sum, count) => sum + count, 0);
}
