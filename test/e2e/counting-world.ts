import { setTimeout as sleep } from 'node:timers/promises';
import { onAddress, type Upstream } from '../../src/lib/upstream.ts';
import type { Route } from '../../src/traffic/router.ts';
import type { Behind } from './behind.ts';
import type { Asked, Backends } from './counting-backends.ts';
import { type Kept, readKept, type Served } from './counting-keeper.ts';
import { describeDoor } from './door.ts';
import { freeRange } from './ports.ts';
import { waitFor } from './wait-for.ts';

const TIMEOUT_MS = 1000;

/** Servers of the services; one of them breaks off whatever it is asked. */
export const SERVERS = [
  'main.blue.0',
  'main.blue.1',
  'main.green.0',
  'main.green.1',
  'late.blue.0',
  'retried.blue.0-breaks',
  'retried.blue.1',
  'timed.blue.0',
];

/** The port of each service's door. */
export type Doors = Readonly<Record<string, number>>;

const PROBED = ['main', 'retried', 'late', 'timed'];

/** Once every door serves that is to. */
export async function allServe(doors: Doors): Promise<void> {
  await waitFor('every door to serve', async () =>
    (await Promise.all(PROBED.map((name) => isOpen(doors[name]!)))).every(Boolean),
  );
}

async function isOpen(port: number): Promise<boolean> {
  const answer = await fetch(`http://127.0.0.1:${port}/ok`).catch(() => null);
  await answer?.arrayBuffer();
  return answer?.status === 200;
}

/** One door per kind of fault, so that a fault of one changes nothing of the others. */
export async function describeAll({ spec }: Behind, { ports }: Backends): Promise<Served[]> {
  // Below what outgoing connections of anybody are given.
  const first = await freeRange(6);
  const own = Array.from({ length: 5 }, (_, at) => first + at);
  // On an address of its own: whoever takes the port meanwhile takes it on another one.
  const dead = onAddress({ host: '127.98.0.2', port: first + 5 });
  const by = (prefix: string) =>
    Object.entries(ports)
      .filter(([key]) => key.startsWith(prefix))
      .toSorted(([a], [b]) => (a < b ? -1 : 1))
      .map(([, port]) => at(port));
  const serve = (service: string, blue: ReturnType<typeof by>, green: ReturnType<typeof by>): Served => {
    const split: Route['split'] =
      green.length === 0 ? null : { rollout: 'r-1', slot: 'green', sharePercent: 25, seed: 'b'.repeat(32) };
    const proxy =
      spec.kind === 'builtin' ? spec : { ...spec, readTimeoutMs: service === 'late' ? TIMEOUT_MS : 30_000 };
    const described = describeDoor(own.pop()!, { blue, green: green.length === 0 ? blue : green }, proxy);
    return {
      door: { ...described, service },
      route: {
        service,
        revision: 1,
        serve: 'blue',
        split,
        replicas: { blue: blue.length, green: green.length },
        standIn: false,
      },
    };
  };
  return [
    serve('main', by('main.blue'), by('main.green')),
    serve('late', by('late.blue'), []),
    serve('retried', by('retried.blue'), []),
    serve('refused', [dead], []),
    serve('timed', by('timed.blue'), []),
  ];
}

/** What applications were asked for, and what was counted of it. */
export type Settled = { readonly asked: Asked; readonly kept: Kept };

/** Once every second that is over now was delivered and committed. */
export async function settled(file: string, backends: Backends): Promise<Settled> {
  // Requests that a client left are over when the application is done with them.
  await sleep(1500);
  const second = Math.floor(Date.now() / 1000) + 1;
  await waitFor(
    'the counts to be committed',
    () =>
      Object.values(readKept(file).upTo).every((upTo) => upTo >= second) &&
      Object.keys(readKept(file).upTo).length > 0,
    { withinMs: 60_000, everyMs: 100 },
  );
  return { asked: await backends.asked(), kept: readKept(file) };
}

export function less(
  counts: Readonly<Record<string, number>>,
  before: Readonly<Record<string, number>>,
): Record<string, number> {
  return Object.fromEntries(
    Object.entries(counts).map(([name, count]) => [name, count - (before[name] ?? 0)]),
  );
}

function at(port: number): Upstream {
  return onAddress({ host: '127.0.0.1', port });
}
