/** Also a unix socket: then `host` is `unix:` and its absolute path, and `port` is 0. */
export type Address = { readonly host: string; readonly port: number };

const UNIX = 'unix:';

/** `127.0.0.1:8201`, `[::1]:8201`, `unix:/run/app.sock`. */
export function formatAddress(address: Address): string {
  if (socketOf(address) !== null) return address.host;
  return address.host.includes(':') ? `[${address.host}]:${address.port}` : `${address.host}:${address.port}`;
}

/** The path of the unix socket that it is, or null. */
export function socketOf({ host }: Address): string | null {
  return host.startsWith(UNIX) ? host.slice(UNIX.length) : null;
}

export function onSocket(path: string): Address {
  return { host: `${UNIX}${path}`, port: 0 };
}

/** What stands in Host where nobody named one: a socket has no name. */
export function authorityOf(address: Address): string {
  return socketOf(address) === null ? formatAddress(address) : 'localhost';
}

/** As Node's HTTP client asks for it. */
export function requestTo(
  address: Address,
): { readonly socketPath: string } | { readonly host: string; readonly port: number } {
  const socketPath = socketOf(address);
  return socketPath === null ? { host: address.host, port: address.port } : { socketPath };
}
