import { formatAddress } from '../lib/address.ts';
import { OperatingError } from '../lib/errors.ts';
import { sharedHost } from '../release/door-hosts.ts';
import type { Door } from './router.ts';

const EVERY_ADDRESS = new Set(['0.0.0.0', '::']);

/** Why this door cannot stand beside those of other services, or null. */
export function doorConflict(door: Door, others: readonly Door[]): OperatingError | null {
  for (const other of others) {
    if (other.service === door.service) continue;
    const found = conflictOf(door, other);
    if (found !== null) return taken(door, other, found);
  }
  return null;
}

function conflictOf(a: Door, b: Door): string | null {
  const previews = previewPorts(b).find((port) => portsOf(a).includes(port));
  const fronts = previewPorts(a).find((port) => portsOf(b).includes(port));
  if (previews !== undefined || fronts !== undefined) return `port ${previews ?? fronts} (a preview address)`;
  const one = a.spec.listen;
  const two = b.spec.listen;
  if (one.port !== two.port) return null;
  if (one.address !== two.address) {
    // One of them for every address and one for a single one: the system lets only the first have the port.
    if (!EVERY_ADDRESS.has(one.address) && !EVERY_ADDRESS.has(two.address)) return null;
    return `port ${one.port} (${formatAddress({ host: two.address, port: two.port })})`;
  }
  const shared = sharedHost(a.spec, b.spec);
  if (shared === undefined) return null;
  return `${shared ?? 'any host'}${a.spec.path} on ${formatAddress({ host: one.address, port: one.port })}`;
}

function previewPorts({ preview }: Door): readonly number[] {
  return preview === null ? [] : [preview.blue.port, preview.green.port];
}

function portsOf(door: Door): readonly number[] {
  return [door.spec.listen.port, ...previewPorts(door)];
}

function taken(door: Door, owner: Door, what: string): OperatingError {
  return new OperatingError(
    'TRAFFIC_DOOR_TAKEN',
    `The door of ${door.service} was not installed: ${what} belongs to the service ${owner.service}, which goes on being served. Give ${door.service} another host, path or port, or remove ${owner.service} first.`,
    { retryable: false },
  );
}
