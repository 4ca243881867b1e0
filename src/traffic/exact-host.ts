/** The host of a door where it is one name: what asks for itself, as a probe does, can name no wildcard. */
export function exactHost(host: string | null): string | null {
  return host === null || host.startsWith('*.') ? null : host;
}
