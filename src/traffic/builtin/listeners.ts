import net, { isIPv6 } from 'node:net';
import { type Address, formatAddress } from '../../lib/address.ts';
import { OperatingError } from '../../lib/errors.ts';

/** A socket that is bound here and listened on by the workers; while this process lives, none of its callers is lost. */
export type ListeningHandle = { close(): void; getsockname(out: { port?: number }): number };

/**
 * Node's cluster module makes its handles the same way, but closes them with the last worker; these outlive all of them.
 * (Undocumented, unchanged since Node 0.12; a test would notice.)
 */
type HandleMaker = {
  _createServerHandle(address: string, port: number, family: 4 | 6): ListeningHandle | number;
};

/** Errors: TRAFFIC_DOOR_TAKEN when another program has the port, TRAFFIC_LISTEN_FAILED. */
export function bindListener(address: Address): ListeningHandle {
  const family = isIPv6(address.host) ? 6 : 4;
  const handle = (net as unknown as HandleMaker)._createServerHandle(address.host, address.port, family);
  if (typeof handle === 'number') throw listenError(address, systemCode(handle));
  // A failed bind may only show as a socket without its port; listening on it would take a random one.
  const bound: { port?: number } = {};
  const error = handle.getsockname(bound);
  if (error !== 0 || bound.port !== address.port) {
    handle.close();
    throw listenError(address, 'EADDRINUSE');
  }
  return handle;
}

export function listenError(address: Address, code: string): OperatingError {
  const at = formatAddress(address);
  if (code === 'EADDRINUSE') {
    return new OperatingError(
      'TRAFFIC_DOOR_TAKEN',
      `The proxy tried to listen on ${at}, but another program has that port; nothing was changed. "ss -ltnp 'sport = :${address.port}'" names it: stop it, or choose another port.`,
      { retryable: true },
    );
  }
  const why =
    code === 'EACCES'
      ? 'the system does not let this user have that port'
      : code === 'EADDRNOTAVAIL'
        ? 'this machine has no such address'
        : code;
  return new OperatingError(
    'TRAFFIC_LISTEN_FAILED',
    `The proxy tried to listen on ${at}: ${why}; nothing was changed. Choose another address or port, or give the right to bind it.`,
    { retryable: false },
  );
}

function systemCode(errno: number): string {
  const CODES: Readonly<Record<number, string>> = {
    [-13]: 'EACCES',
    [-98]: 'EADDRINUSE',
    [-99]: 'EADDRNOTAVAIL',
    [-48]: 'EADDRINUSE',
    [-49]: 'EADDRNOTAVAIL',
  };
  return CODES[errno] ?? `error ${errno}`;
}
