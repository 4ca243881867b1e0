import type { ClientRequest } from './client-side.ts';
import { identityHash } from '../../cohort.ts';
import { ONE_OFF, OVERRIDE, PREVIEW, UNCOUNTED } from '../../identity-filter.ts';
import { headerOf } from './header-value.ts';
import type { Mint } from './mint.ts';
import { COOKIE_NAME, lastForwardedFor, type RequestScan } from './request-head.ts';
import type { ServiceLive } from './service-live.ts';

/** 90 days. */
const COOKIE_SECONDS = 7_776_000;
/** Past this no longer text than this is hashed; it still tells people apart. */
const MAX_IDENTITY_CHARS = 512;

/** Whom a request is from. */
export type Visitor = {
  /** Decides the bucket. */
  readonly hash: number;
  /** What is counted: the hash, or ONE_OFF, UNCOUNTED, PREVIEW or OVERRIDE. */
  readonly identity: number;
  /** Set-Cookie value for a new visitor, or null. */
  readonly cookie: string | null;
};

/** Who comes to a preview address. */
export const PREVIEWER: Visitor = { hash: 0, identity: PREVIEW, cookie: null };
/** Who chose the slot by a valid override. */
export const CHOOSER: Visitor = { hash: 0, identity: OVERRIDE, cookie: null };

type VisitorTraits = {
  readonly isSecure: boolean;
  readonly scan: RequestScan;
  readonly req: ClientRequest;
  readonly clientAddress: string;
  readonly mint: Mint;
};

export function visitorOf(
  service: ServiceLive,
  { isSecure, scan, req, clientAddress, mint }: VisitorTraits,
): Visitor {
  const { sticky, spec } = service.door;
  switch (sticky.by) {
    case 'cookie': {
      const id = scan.cookie ?? mint.identity();
      const hash = identityHash(service.salt, id);
      const saysSecure = spec.trustForwarded && scan.forwardedProto?.trim().toLowerCase() === 'https';
      const cookie = scan.cookie === null ? setCookie(id, isSecure || saysSecure) : null;
      return { hash, identity: hash, cookie };
    }
    case 'header':
      return named(service, headerOf(req.rawHeaders, sticky.header.toLowerCase()), mint);
    case 'address':
      return named(service, visitorsAddress(scan, clientAddress, spec.trustForwarded), mint);
    case 'none':
      return { hash: mint.draw(), identity: UNCOUNTED, cookie: null };
  }
}

/** Of the connection, or what a trusted proxy says of it. */
export function visitorsAddress(scan: RequestScan, clientAddress: string, trustForwarded: boolean): string {
  return trustForwarded && scan.forwardedFor !== null ? lastForwardedFor(scan.forwardedFor) : clientAddress;
}

export function plainAddress(address: string | undefined): string {
  if (address === undefined) return 'unknown';
  return address.startsWith('::ffff:') ? address.slice(7) : address;
}

function named(service: ServiceLive, text: string | null, mint: Mint): Visitor {
  if (text === null || text === '') return { hash: mint.draw(), identity: ONE_OFF, cookie: null };
  const hash = identityHash(service.salt, text.slice(0, MAX_IDENTITY_CHARS));
  return { hash, identity: hash, cookie: null };
}

function setCookie(id: string, isSecure: boolean): string {
  return `${COOKIE_NAME}=${id}; Path=/; Max-Age=${COOKIE_SECONDS}; HttpOnly; SameSite=Lax${isSecure ? '; Secure' : ''}`;
}
