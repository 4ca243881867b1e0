import type { Socket } from 'node:net';
import { appProtocol } from '../../../release/service.ts';
import { exactHost } from '../../exact-host.ts';
import { overriddenSlot } from '../../override.ts';
import type { AccountedAnswer } from './accounted-answer.ts';
import { type Asked, withoutPath } from './below-prefix.ts';
import { answerChallenge } from './challenge.ts';
import type { ClientAnswer, ClientRequest } from './client-side.ts';
import { findDoor, hostName } from './door-table.ts';
import { Exchange } from './exchange.ts';
import type { ExchangeStart } from './exchange-start.ts';
import type { FrontState, Preview } from './front.ts';
import { UNCOUNTED } from '../../identity-filter.ts';
import type { Mint } from './mint.ts';
import { ownAddress, redirect } from './redirect.ts';
import { type Refusing, refuse } from './refusals.ts';
import { forwardedHead, isRefusal, originForm, type Refusal, type RequestScan } from './request-head.ts';
import type { Choice, ServiceLive } from './service-live.ts';
import type { SlotLive } from './slot-live.ts';
import { CLASS, NO_LATENCY } from '../../tally.ts';
import { startTrace } from './trace-start.ts';
import { Tunnel } from './tunnel.ts';
import { CHOOSER, PREVIEWER, type Visitor, plainAddress, visitorOf, visitorsAddress } from './visitor.ts';
import type { Waiter } from './waiting-room.ts';

export type Arrival = {
  /** Came over TLS. */
  readonly isSecure: boolean;
  readonly req: ClientRequest;
  readonly res: ClientAnswer;
  readonly scan: RequestScan | Refusal;
  /** When the client asks for another protocol. */
  readonly upgrade: Upgrading | null;
};

export type Upgrading = {
  readonly socket: Socket;
  /** From here on the socket is the caller's, and what came right behind the request. */
  readonly detach: () => Buffer;
};

/** Finds out what a request is for, and sends it there. */
export function serve(listener: string, state: FrontState, arrival: Arrival): void {
  const { req, res, scan } = arrival;
  if (state.isStopping) res.shouldKeepAlive = false;
  if (isRefusal(scan)) {
    state.malformed.count(listener, scan.text);
    refuseClosing(arrival, scan);
    return;
  }
  // What follows may be of the protocol that was asked for.
  if (scan.upgrade !== null) res.shouldKeepAlive = false;
  const target = originForm(req.url, scan.host, arrival.isSecure);
  if (isRefusal(target)) {
    state.malformed.count(listener, target.text);
    refuseClosing(arrival, target);
    return;
  }
  const redirects = state.redirects.size === 0 ? undefined : state.redirects.get(listener);
  if (redirects !== undefined) {
    const coming = { req, res, host: scan.host, target };
    if (!answerChallenge(state.challenges, coming)) redirect(redirects, coming);
    return;
  }
  const preview = state.previews.get(listener);
  const doors = state.doors.get(listener);
  const found =
    doors === undefined ? null : findDoor(doors, scan.host, { rawHeaders: req.rawHeaders, target });
  const service = preview?.service ?? found?.service ?? null;
  if (service === null) {
    refuse(req, res, { status: 404, text: 'no service has this address' });
    return;
  }
  if (found?.isAlias === true) {
    const location = ownAddress(service, { isSecure: arrival.isSecure, scan, target });
    refuse(req, res, { status: 308, text: 'this service has another name', location });
    return;
  }
  const clientAddress = plainAddress(req.socket.remoteAddress);
  const call: Call = { ...arrival, listener, service, scan, target, clientAddress, account: null };
  receive(state, service.accounting === null ? call : followed(call), preview ?? null);
}

/** With an answer that somebody takes account of. */
function followed(call: Call): Call {
  const { isSecure, req, res, service, scan, target, clientAddress } = call;
  const host = hostName(scan.host);
  const client = visitorsAddress(scan, clientAddress, isTrusting(service));
  const asking = { req, target, host, isSecure, clientAddress: client };
  const account = service.accounting!.follow(res, asking);
  return { ...call, res: account, account };
}

/** A request whose service is known. */
function receive(state: FrontState, call: Call, preview: Preview | null): void {
  const { req, res, service, scan, clientAddress, account } = call;
  if (account !== null && preview !== null) account.kind = 'preview';
  const { maxBodyBytes, proxy } = service.door.spec;
  if (call.upgrade !== null && appProtocol(proxy) === 'h2c') {
    res.shouldKeepAlive = false;
    refuseFor(call, { status: 501, text: 'this service has no upgrades' });
    return;
  }
  if (scan.contentLength !== null && maxBodyBytes !== null && scan.contentLength > maxBodyBytes) {
    refuseFor(call, { status: 413, text: 'the request body is too large' });
    return;
  }
  if (preview !== null) {
    dispatch(state, call, { visitor: PREVIEWER, choice: only(service.slots[preview.slot]) });
    return;
  }
  if (service.clients !== null && !isWelcome(call)) {
    refuseFor(call, { status: 403, text: 'not for this address' });
    return;
  }
  const { override } = service;
  const chosen = override?.target(req.rawHeaders, visitorsAddress(scan, clientAddress, isTrusting(service)));
  if (chosen !== null && chosen !== undefined) {
    const slot = overriddenSlot(chosen, service.route);
    if (account !== null) account.kind = 'override';
    dispatch(state, call, { visitor: CHOOSER, choice: slot === null ? null : only(service.slots[slot]) });
  } else if (service.room.isHolding && !isHealthQuestion(call)) {
    wait(state, call);
  } else {
    admit(state, call);
  }
}

function isWelcome({ service, scan, clientAddress }: Call): boolean {
  return service.clients!.isWelcome(visitorsAddress(scan, clientAddress, isTrusting(service)));
}

type Call = Arrival & {
  readonly scan: RequestScan;
  readonly listener: string;
  readonly service: ServiceLive;
  readonly target: string;
  readonly clientAddress: string;
  /** `res`, where somebody takes account of it; null for nobody. */
  readonly account: AccountedAnswer | null;
};

/** What a body may take while nobody reads it: a buffer of Node's stream and one of its socket. */
const UNREAD_BODY_BYTES = 131_072;

function wait(state: FrontState, call: Call): void {
  const { req, res, scan, service } = call;
  const body = scan.chunked ? UNREAD_BODY_BYTES : Math.min(UNREAD_BODY_BYTES, scan.contentLength ?? 0);
  const head = req.rawHeaders.reduce((sum, text) => sum + text.length, req.url.length);
  const left = (): void => service.room.leave(waiter);
  const waiter: Waiter = {
    bytes: head + body,
    go: () => {
      res.off('close', left);
      if (!res.destroyed && !req.socket.destroyed) admit(state, call);
    },
    turnAway: (reason) => {
      res.off('close', left);
      refuseFor(call, { status: 503, text: reason, retryAfterSeconds: 1 });
    },
  };
  if (!service.room.enter(waiter)) {
    refuseFor(call, { status: 503, text: 'too many requests wait at the door', retryAfterSeconds: 1 });
    return;
  }
  res.on('close', left);
}

/** Whoever watches the door is answered during a hold. */
function isHealthQuestion({ req, target, service }: Call): boolean {
  const serve = service.route?.serve ?? null;
  const isReading = req.method === 'GET' || req.method === 'HEAD';
  const asked = withoutPath(service.stripped, target);
  return isReading && serve !== null && asked === service.door.health[serve].path;
}

function admit(state: FrontState, call: Call): void {
  const { isSecure, req, scan, service, clientAddress, target, account } = call;
  const named =
    service.candidateFor === null
      ? null
      : service.chosenFor({ rawHeaders: req.rawHeaders, target }, performance.now());
  if (named !== null) {
    if (account !== null) account.kind = 'override';
    dispatch(state, call, { visitor: CHOOSER, choice: only(named) });
    return;
  }
  const visitor = visitorOf(service, { isSecure, scan, req, clientAddress, mint: state.mint });
  dispatch(state, call, { visitor, choice: service.choose(visitor.hash, performance.now()) });
}

type Admission = { readonly visitor: Visitor; readonly choice: Choice | null };

function dispatch(state: FrontState, call: Call, { visitor, choice }: Admission): void {
  const { req, res, upgrade, service, scan, target, account } = call;
  const { cookie } = visitor;
  if (choice === null) {
    const text = visitor === CHOOSER ? 'no version has that role now' : 'not in service yet';
    refuseFor(call, { status: 503, text, retryAfterSeconds: 1, cookie });
    return;
  }
  let { identity } = visitor;
  if (choice.slot !== choice.wanted) {
    countUnhealthy(service, choice.wanted.name, identity);
    identity = UNCOUNTED;
  }
  const { slot } = choice;
  // Who looks at one slot alone asks in the application's own paths.
  const below = visitor === PREVIEWER ? '' : service.stripped;
  const asked: Asked = {
    service,
    req,
    scan,
    target: withoutPath(below, target),
    below,
    head: headOf(state, call, below),
  };
  const exchange = begin({ ...asked, slot, res, identity, cookie, account, onUpgraded: null }, upgrade);
  if (upgrade === null && visitor !== PREVIEWER && visitor !== CHOOSER)
    mirror(state.mint, asked, { wanted: choice.wanted, exchange });
}

/** What the application is asked with, without its first line. */
function headOf(state: FrontState, call: Call, below: string): string {
  const { isSecure, req, upgrade, listener, service, scan, clientAddress, account } = call;
  const { spec } = service.door;
  const requestId = state.mint.requestId();
  if (account !== null && !scan.hasRequestId) account.requestId = requestId;
  const recordedPercent = service.startTracesPercent;
  const trace =
    recordedPercent === null ? null : startTrace(req.rawHeaders, scan, { mint: state.mint, recordedPercent });
  if (account !== null && trace !== null) account.traceId = trace.traceId;
  return forwardedHead({
    scan,
    rawHeaders: trace?.rawHeaders ?? req.rawHeaders,
    clientAddress,
    proto: isSecure ? 'https' : 'http',
    trustForwarded: spec.trustForwarded,
    host: exactHost(spec.host) ?? listener,
    requestId,
    upgrade: upgrade === null ? null : scan.upgrade,
    without: service.override?.header ?? null,
    below,
    traceparent: trace?.traceparent ?? null,
  });
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
    exchange.record.isCopied = true;
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
            const clientHead = upgrade.detach();
            return new Tunnel({ client: upgrade.socket, clientHead, connection, exchange }, head);
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

/** With the service's own pages. */
function refuseFor({ req, res, service }: Call, refusing: Refusing): void {
  refuse(req, res, { ...refusing, pages: service.pages });
}

function refuseClosing({ req, res }: Arrival, refusing: Refusing): void {
  res.shouldKeepAlive = false;
  refuse(req, res, refusing);
}
