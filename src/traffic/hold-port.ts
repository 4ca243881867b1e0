import type { Address } from '../lib/address.ts';
import type { Hold } from './router.ts';

/**
 * Lets the requests of another proxy wait, in the process of the built-in one, which outlives the controller and ends holds
 * by itself. That proxy sends what is to wait to an address here; when the hold is over it comes back, in the order of
 * its arrival. Where no hold is known of a service, nothing waits: it comes back at once.
 *
 * Two ways back, by the port that is asked:
 * - `redirect`, for nginx: one HTTP address for all services. The request names its service in `HOLD_SERVICE_HEADER` and the
 *   location to go on at (`@name`) in `HOLD_RETURN_HEADER`; it must come without its body. Answer: 200 without a body and
 *   `X-Accel-Redirect: @name`. Past a bound: 503 with Retry-After and a text. Without the two headers, or with
 *   others than their shape: 400. Tried with nginx 1.22, bodies and upgrades among it: `proxy_method GET; proxy_pass_request_body
 *   off; proxy_pass_request_headers off; proxy_set_header Content-Length ""`, and the two headers.
 * - `relay`, for HAProxy: a TCP address of each service's own, one request a connection. At most 64 KiB of it are
 *   read while it waits, so that it shows when its client leaves, and looked at by nobody; then it is joined, byte by byte, to
 *   `back`: a listener of the asking proxy, at a port or a unix socket, that routes without holding. Tried with HAProxy 2.6: `http-reuse never`,
 *   `option http-server-close`, `send-proxy` here and `accept-proxy` there for the client's address; it keeps the connection of
 *   a client that left, whose place is free only when the hold ends. Past a bound, or where `back` refuses: a whole HTTP/1.1 answer 503 with Retry-After, and the connection ends.
 */
export type HoldPort = {
  /**
   * Opens the way for a service, or replaces it; idempotent, and kept over restarts of the proxy. Returns where its requests
   * are to be sent: a port of 127.0.0.1 chosen here, the same for as long as it is not closed. Errors: TRAFFIC_UNREACHABLE
   * (retryable), TRAFFIC_LISTEN_FAILED, TRAFFIC_STATE_UNWRITABLE.
   */
  open(way: HoldWay): Promise<Address>;
  /**
   * Begins, changes or ends (null) the service's hold, at once, and on disk before it is answered. `revision` as of the route;
   * one not above the last is ignored. Errors: TRAFFIC_NOT_INSTALLED, TRAFFIC_UNREACHABLE (retryable), TRAFFIC_STATE_UNWRITABLE.
   */
  set(service: string, revision: number, hold: Hold | null): Promise<void>;
  /** How many of the service's requests wait. */
  waiting(service: string): Promise<number>;
  /** Who waits gets 503 with the reason. Idempotent. */
  close(service: string): Promise<void>;
};

export type HoldWay =
  | { readonly service: string; readonly way: 'redirect' }
  | { readonly service: string; readonly way: 'relay'; readonly back: Back };

/** A TCP address, or a unix socket. */
export type Back = Address | { readonly path: string };

export const HOLD_SERVICE_HEADER = 'x-bascule-hold';
export const HOLD_RETURN_HEADER = 'x-bascule-return';
/** Shape of a named location to return to. */
export const HOLD_RETURN = /^@[A-Za-z0-9_-]{1,100}$/;
