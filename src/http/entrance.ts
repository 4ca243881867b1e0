import type { FastifyRequest } from 'fastify';
import type { Role } from '../controller/controller.ts';
import { isLoopback, type Listener } from '../controller/listener-entry.ts';
import { OperatingError } from '../lib/errors.ts';
import { plainAddress } from './rates.ts';

/** Where a request comes in. A socket gives a role; over the network only a token does. */
export type Entrance =
  | { readonly kind: 'socket'; readonly role: Role }
  | {
      readonly kind: 'network';
      readonly listener: Listener;
      /** Whether the certificate of the listener, as it is now, has this name. */
      readonly isCertified: (name: string) => boolean;
    };

type Network = Extract<Entrance, { kind: 'network' }>;

/**
 * That a browser was not led here by somebody else's page: under a name that somebody else gave to this address (DNS
 * rebinding), or from a page of another site. Errors: HOST_UNKNOWN, ORIGIN_FOREIGN.
 */
export function checkBrowser(request: FastifyRequest, entrance: Network): void {
  const host = request.headers.host ?? '';
  if (!isOurs(host, request, entrance)) {
    throw new OperatingError(
      'HOST_UNKNOWN',
      `This server is not called ${JSON.stringify(host.slice(0, 100))}; nothing changed.`,
      { retryable: false },
    );
  }
  const { origin, 'sec-fetch-site': site } = request.headers;
  const scheme = entrance.listener.tls === null ? 'http' : 'https';
  const foreign = origin !== undefined && origin.toLowerCase() !== `${scheme}://${host.toLowerCase()}`;
  // A link elsewhere may lead here; what acts may not be asked for from elsewhere.
  const crossSite = !isLook(request.method) && (site === 'cross-site' || site === 'same-site');
  if (!foreign && !crossSite) return;
  throw new OperatingError(
    'ORIGIN_FOREIGN',
    'A page of another site asked for this, which is refused; nothing changed.',
    { retryable: false },
  );
}

function isLook(method: string): boolean {
  return method === 'GET' || method === 'HEAD';
}

function isOurs(host: string, request: FastifyRequest, { listener, isCertified }: Network): boolean {
  const match = /^(?:\[([0-9a-fA-F:.]+)\]|([A-Za-z0-9.-]+))(?::(\d{1,5}))?$/.exec(host);
  if (match === null) return false;
  const [, v6, named, port] = match;
  const name = (v6 ?? named!).toLowerCase();
  const { localAddress, localPort } = request.socket;
  // Behind a forwarded port the number is another one; a name of its own is proof enough then.
  if (listener.names.includes(name) || isCertified(name)) return true;
  if (Number(port ?? (listener.tls === null ? 80 : 443)) !== localPort) return false;
  const local = plainAddress(localAddress ?? '');
  return name === local || (name === 'localhost' && isLoopback(local));
}
