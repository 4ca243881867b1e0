import type { Socket } from 'node:net';
import { appProtocol } from '../../../release/service.ts';
import { overriddenSlot } from '../../override.ts';
import type { Asked } from './below-prefix.ts';
import type { ClientAnswer, ClientRequest } from './client-side.ts';
import { findDoor } from './door-table.ts';
import { Exchange } from './exchange.ts';
import type { ExchangeStart } from './exchange-start.ts';
import type { FrontState } from './front.ts';
import { UNCOUNTED } from '../../identity-filter.ts';
import type { Mint } from './mint.ts';
import { redirect } from './redirect.ts';
import { type Refusing, refuse } from './refusals.ts';
import {
  forwardedHead,
  isRefusal,
  lineProblem,
  originForm,
  type RequestScan,
  scanRequest,
} from './request-head.ts';
import type { Choice, ServiceLive } from './service-live.ts';
import type { SlotLive } from './slot-live.ts';
import { CLASS, NO_LATENCY } from '../../tally.ts';
import { Tunnel } from './tunnel.ts';
import { CHOOSER, PREVIEWER, type Visitor, plainAddress, visitorOf, visitorsAddress } from './visitor.ts';
import type { Waiter } from './waiting-room.ts';

export type Arrival = {
  /** Came over TLS. */
  readonly isSecure: boolean;
  readonly req: ClientRequest;
  readonly res: ClientAnswer;
  /** When the client asks for another protocol. */
  readonly upgrade: Upgrading | null;
};

export type Upgrading = {
  readonly socket: Socket;
  /** What came right behind the request. */
  readonly head: Buffer;
  /** The answer lets go of the socket. */
  readonly detach: () => void;
};

/** Finds out what a request is for, and sends it there. */
export function serve(listener: string, state: FrontState, arrival: Arrival): void {
  const { req, res } = arrival;
  if (state.isStopping) res.shouldKeepAlive = false;
  const scan =
    lineProblem(req.method!, req.httpVersion) ?? scanRequest(req.rawHeaders, req.httpVersion === '1.0');
  if (isRefusal(scan)) {
    state.malformed.count(listener, scan.text);
    refuseClosing(arrival, scan);
    return;
  }
  // Node's parser loses what follows a request for an upgrade that it is told not to make.
  if (scan.upgrade !== null) res.shouldKeepAlive = false;
  const target = originForm(req.url!, scan.host, arrival.isSecure);
  if (isRefusal(target)) {
    state.malformed.count(listener, target.text);
    refuseClosing(arrival, target);
    return;
  }
  const redirects = state.redirects.size === 0 ? undefined : state.redirects.get(listener);
  if (redirects !== undefined) {
    redirect(redirects, { req, res, host: scan.host, target });
    return;
  }
  const preview = state.previews.get(listener);
  const doors = state.doors.get(listener);
  const service = preview?.service ?? (doors === undefined ? null : findDoor(doors, scan.host, target));
  if (service === null) {
    refuse(req, res, { status: 404, text: 'no service has this address' });
    return;
  }
  const { maxBodyBytes, proxy } = service.door.spec;
  if (arrival.upgrade !== null && appProtocol(proxy) === 'h2c') {
    refuseClosing(arrival, { status: 501, text: 'this service has no upgrades' });
    return;
  }
  if (scan.contentLength !== null && maxBodyBytes !== null && scan.contentLength > maxBodyBytes) {
    refuse(req, res, { status: 413, text: 'the request body is too large' });
    return;
  }
  const clientAddress = plainAddress(req.socket.remoteAddress);
  const call: Call = { ...arrival, listener, service, scan, target, clientAddress };
  if (preview !== undefined) {
    dispatch(state, call, { visitor: PREVIEWER, choice: only(service.slots[preview.slot]) });
    return;
  }
  const { override } = service;
  const chosen = override?.target(req.rawHeaders, visitorsAddress(scan, clientAddress, isTrusting(service)));
  if (chosen !== null && chosen !== undefined) {
    const slot = overriddenSlot(chosen, service.route);
    dispatch(state, call, { visitor: CHOOSER, choice: slot === null ? null : only(service.slots[slot]) });
  } else if (service.room.isHolding && !isHealthQuestion(call)) {
    wait(state, call);
  } else {
    admit(state, call);
  }
}

/** A request whose service is known. */
type Call = Arrival & {
  readonly listener: string;
  readonly service: ServiceLive;
  readonly scan: RequestScan;
  readonly target: string;
  readonly clientAddress: string;
};

/** What a body may take while nobody reads it: a buffer of Node's stream and one of its socket. */
const UNREAD_BODY_BYTES = 131_072;

function wait(state: FrontState, call: Call): void {
  const { req, res, scan, service } = call;
  const body = scan.chunked ? UNREAD_BODY_BYTES : Math.min(UNREAD_BODY_BYTES, scan.contentLength ?? 0);
  const head = req.rawHeaders.reduce((sum, text) => sum + text.length, req.url!.length);
  const left = (): void => service.room.leave(waiter);
  const waiter: Waiter = {
    bytes: head + body,
    go: () => {
      res.off('close', left);
      if (!res.destroyed && !req.socket.destroyed) admit(state, call);
    },
    turnAway: (reason) => {
      res.off('close', left);
      refuse(req, res, { status: 503, text: reason, retryAfterSeconds: 1 });
    },
  };
  if (!service.room.enter(waiter)) {
    refuse(req, res, { status: 503, text: 'too many requests wait at the door', retryAfterSeconds: 1 });
    return;
  }
  res.on('close', left);
}

/** Whoever watches the door is answered during a hold. */
function isHealthQuestion({ req, target, service }: Call): boolean {
  const serve = service.route?.serve ?? null;
  const isReading = req.method === 'GET' || req.method === 'HEAD';
  return isReading && serve !== null && target === service.door.health[serve].path;
}

function admit(state: FrontState, call: Call): void {
  const { isSecure, req, scan, service, clientAddress } = call;
  const visitor = visitorOf(service, { isSecure, scan, req, clientAddress, mint: state.mint });
  dispatch(state, call, { visitor, choice: service.choose(visitor.hash, performance.now()) });
}

type Admission = { readonly visitor: Visitor; readonly choice: Choice | null };

function dispatch(state: FrontState, call: Call, { visitor, choice }: Admission): void {
  const { isSecure, req, res, upgrade, listener, service, scan, target, clientAddress } = call;
  const { spec } = service.door;
  const { cookie } = visitor;
  if (choice === null) {
    const text = visitor === CHOOSER ? 'no version has that role now' : 'not in service yet';
    refuse(req, res, { status: 503, text, retryAfterSeconds: 1, cookie });
    return;
  }
  let { identity } = visitor;
  if (choice.slot !== choice.wanted) {
    countUnhealthy(service, choice.wanted.name, identity);
    identity = UNCOUNTED;
  }
  const head = forwardedHead({
    scan,
    rawHeaders: req.rawHeaders,
    clientAddress,
    proto: isSecure ? 'https' : 'http',
    trustForwarded: spec.trustForwarded,
    host: spec.host ?? listener,
    requestId: state.mint.requestId(),
    upgrade: upgrade === null ? null : scan.upgrade,
    without: service.override?.header ?? null,
  });
  const { slot } = choice;
  const asked = { service, req, scan, target, head };
  const exchange = begin({ ...asked, slot, res, identity, cookie, onUpgraded: null }, upgrade);
  if (upgrade === null && visitor !== PREVIEWER && visitor !== CHOOSER)
    mirror(state.mint, asked, { wanted: choice.wanted, exchange });
}

/** After the request itself has begun: a copy may only take what is left. */
function mirror(
  mint: Mint,
  asked: Asked,
  { wanted, exchange }: { readonly wanted: SlotLive; readonly exchange: Exchange },
): void {
  const { service } = asked;
  const route = service.route!;
  if (route.mirror === undefined || wanted.name !== route.serve) return;
  if (!service.mirrors.wants(route.mirror, asked, mint.draw() / 2 ** 53)) return;
  const tap = service.mirrors.copy(asked, service.slots[route.mirror.slot], () => {
    exchange.isCopied = true;
  });
  if (tap !== null) exchange.watch(tap);
}

function begin(start: ExchangeStart, upgrade: Arrival['upgrade']): Exchange {
  const exchange: Exchange = new Exchange({
    ...start,
    onUpgraded:
      upgrade === null
        ? null
        : (head, connection) => {
            upgrade.detach();
            return new Tunnel(
              { client: upgrade.socket, clientHead: upgrade.head, connection, exchange },
              head,
            );
          },
  });
  exchange.begin(performance.now());
  return exchange;
}

function only(slot: SlotLive): Choice {
  return { wanted: slot, slot };
}

function isTrusting(service: ServiceLive): boolean {
  return service.door.spec.trustForwarded;
}

/** A slot without a sound replica fails the requests that are its own, whoever serves them in its place. */
function countUnhealthy(service: ServiceLive, slot: 'blue' | 'green', identity: number): void {
  const replica = service.slots[slot].replicas[0];
  if (replica === undefined) return;
  service.count(replica, identity, {
    classIndex: CLASS.connectFailure,
    bucket: NO_LATENCY,
    isFinal: false,
  });
}

function refuseClosing({ req, res }: Arrival, refusing: Refusing): void {
  res.shouldKeepAlive = false;
  refuse(req, res, refusing);
}
