import { createServer } from 'node:net';
import { formatAddress, type Address } from '../lib/address.ts';
import { OperatingError } from '../lib/errors.ts';
import type { SlotName } from '../release/slot.ts';
import { portHolder } from './listeners.ts';

export type PortRequest = {
  /** First and last port that may be given away, both included. */
  readonly from: number;
  readonly to: number;
  /** What other services own, doors included. */
  readonly taken: ReadonlySet<number>;
  /** `maxReplicas` of the service. */
  readonly perSlot: number;
};

/**
 * Ports for both slots of a service, for good: the lowest that are not taken. Pure. For a service that grows, ask for what is
 * missing with its own ports in `taken`, and append. Error: WORKLOAD_NO_PORTS.
 */
export function allocatePorts(request: PortRequest): Readonly<Record<SlotName, readonly number[]>> {
  const found: number[] = [];
  const wanted = request.perSlot * 2;
  for (let port = request.from; port <= request.to && found.length < wanted; port += 1) {
    if (!request.taken.has(port)) found.push(port);
  }
  if (found.length < wanted) {
    throw new OperatingError(
      'WORKLOAD_NO_PORTS',
      `Reserving ${wanted} ports (two slots of ${request.perSlot}): only ${found.length} are left in ` +
        `${request.from}-${request.to}. Remove a service, lower max-replicas, or widen the range in the server's file.`,
      { retryable: false },
    );
  }
  return { blue: found.slice(0, request.perSlot), green: found.slice(request.perSlot) };
}

export type TakenPort = { readonly address: Address; readonly holder: string };

/** Those of the addresses that cannot be listened on right now, and who holds them. */
export async function findTaken(addresses: readonly Address[]): Promise<readonly TakenPort[]> {
  const checked = await Promise.all(
    addresses.map(async (address) => ({ address, why: await tryListen(address) })),
  );
  return checked.flatMap(({ address, why }) => (why === null ? [] : [{ address, holder: why }]));
}

/** Error: WORKLOAD_PORT_TAKEN, naming the first port that is taken and who holds it. */
export async function assertFree(addresses: readonly Address[]): Promise<void> {
  const [first] = await findTaken(addresses);
  if (first === undefined) return;
  throw new OperatingError(
    'WORKLOAD_PORT_TAKEN',
    `Starting on ${formatAddress(first.address)}: that port is held by ${first.holder}. Nothing was started there; ` +
      `stop that program, or give it another port.`,
    { retryable: true },
  );
}

/** Listens for a moment: the only question that the kernel answers without doubt. */
async function tryListen(address: Address): Promise<string | null> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', (error: NodeJS.ErrnoException) => {
      const known = error.code === 'EADDRINUSE' ? portHolder(address.port) : null;
      resolve(known ?? `something unknown (${error.code ?? error.message})`);
    });
    server.listen({ ...address, exclusive: true }, () => server.close(() => resolve(null)));
  });
}
