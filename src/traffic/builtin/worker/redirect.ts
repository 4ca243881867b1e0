import type { ClientAnswer, ClientRequest } from './client-side.ts';
import { type DoorTable, findDoor, hostName } from './door-table.ts';
import { refuse } from './refusals.ts';
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
  doors: NonNullable<ReturnType<DoorTable<ServiceLive>['get']>>,
  { req, res, host, target }: Coming,
): void {
  const service = findDoor(doors, host, target);
  const name = host === '' ? service?.door.spec.host : hostName(host);
  if (service === null || name === null || name === undefined || name === '') {
    refuse(req, res, { status: 404, text: 'no service has this address' });
    return;
  }
  const { port } = service.door.spec.listen;
  const location = `https://${name}${port === 443 ? '' : `:${port}`}${target}`;
  refuse(req, res, { status: 308, text: 'this service has HTTPS', location });
}
