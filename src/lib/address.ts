export type Address = { readonly host: string; readonly port: number };

/** `127.0.0.1:8201`, `[::1]:8201`. */
export function formatAddress(address: Address): string {
  return address.host.includes(':') ? `[${address.host}]:${address.port}` : `${address.host}:${address.port}`;
}
