import { exactHost } from '../../exact-host.ts';
import type { ClientAnswer, ClientRequest } from './client-side.ts';
import { type DoorTable, findDoor, hostName } from './door-table.ts';
import type { Entrance } from './front.ts';
import { refuse } from './refusals.ts';
import type { RequestScan } from './request-head.ts';
import type { ServiceLive } from './service-live.ts';

type Coming = {
  readonly req: ClientRequest;
  readonly res: ClientAnswer;
  /** As the client sent it. */
  readonly host: string;
  readonly target: string;
};

/** Sends who comes by plain HTTP on to HTTPS; whatever method it has stays that (RFC 9110, section 15.4.9). */
export function redirect(
  doors: NonNullable<ReturnType<DoorTable<Entrance>['get']>>,
  { req, res, host, target }: Coming,
): void {
  const found = findDoor(doors, host, { rawHeaders: req.rawHeaders, target });
  const name = found === null ? null : nameOf(found, host);
  if (found === null || name === null || name === '') {
    refuse(req, res, { status: 404, text: 'no service has this address' });
    return;
  }
  const { port } = found.service.door.spec.listen;
  const location = `https://${name}${port === 443 ? '' : `:${port}`}${target}`;
  refuse(req, res, { status: 308, text: 'this service has HTTPS', location });
}

/** At once to the host of the service, where the client asked for another name of it. */
function nameOf({ service, isAlias }: Entrance, host: string): string | null {
  return isAlias || host === '' ? exactHost(service.door.spec.host) : hostName(host);
}

type Asking = {
  readonly isSecure: boolean;
  readonly scan: RequestScan;
  readonly target: string;
};

/** The same request at the service's own host: scheme and port stay those that the client used. */
export function ownAddress({ door: { spec } }: ServiceLive, { isSecure, scan, target }: Asking): string {
  const said = spec.trustForwarded ? scan.forwardedProto?.trim().toLowerCase() : undefined;
  const scheme = said === 'http' || said === 'https' ? said : isSecure ? 'https' : 'http';
  const port = /:\d+$/.exec(scan.host)?.[0] ?? '';
  return `${scheme}://${spec.host}${port}${target}`;
}
