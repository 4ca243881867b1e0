import type { ClientRequest } from './client-side.ts';
import { type Upstream, withPrefix } from '../../../lib/upstream.ts';
import { putBelow } from '../../put-below.ts';
import { takeBackPrefix } from '../../without-prefix.ts';
import { type RequestScan, visitorsHosts } from './request-head.ts';
import type { ServiceLive } from './service-live.ts';

export type Asked = {
  readonly service: ServiceLive;
  readonly req: ClientRequest;
  readonly scan: RequestScan;
  /** Path and query as the visitor asked for them, without the path that is `below`. */
  readonly target: string;
  /** The door's path, where that is taken off for the application; else empty. */
  readonly below: string;
  /** The request's head as the application gets it, without its first line. */
  readonly head: string;
};

/** The whole head for this upstream: a request that is repeated elsewhere may be below another prefix there. */
export function headFor(upstream: Upstream, { req, target, head }: Asked): string {
  return `${req.method} ${withPrefix(upstream.pathPrefix, target)} HTTP/1.1\r\n${head}`;
}

/** The answer's fields as the visitor is to get them, in place. */
export function takeBack(upstream: Upstream, headers: string[], { service, scan, below }: Asked): void {
  if (upstream.pathPrefix === '' && below === '') return;
  const hosts = visitorsHosts(scan, service.door.spec.trustForwarded);
  if (upstream.pathPrefix !== '') takeBackPrefix(upstream, headers, hosts);
  if (below !== '') putBelow(below, headers, hosts);
}

/** A target that is at the path or below it, without that: `/shop/x?y` is `/x?y`, `/shop?y` is `/?y`. */
export function withoutPath(path: string, target: string): string {
  if (path === '') return target;
  const rest = target.slice(path.length);
  return rest.startsWith('/') ? rest : `/${rest}`;
}
