import type { ErrorPages } from '../../door-pages.ts';
import type { ClientAnswer, ClientRequest } from './client-side.ts';
import { STATUS_CODES } from 'node:http';
import { headerOf } from './header-value.ts';
import { errorPage } from './error-page.ts';

/** A body that nobody wants is read for this long, so that the client gets to read the answer. */
const LINGER_MS = 5000;

export type Refusing = {
  readonly status: number;
  readonly text: string;
  readonly retryAfterSeconds?: number;
  /** Where to go instead. */
  readonly location?: string;
  /** Set-Cookie value for a new visitor, or null. */
  readonly cookie?: string | null;
  /** The service's own, or null. */
  readonly pages?: ErrorPages | null;
};

/** Answers in the application's place. */
export function refuse(req: ClientRequest, res: ClientAnswer, refusing: Refusing): void {
  if (res.headersSent || res.destroyed) {
    res.destroy();
    return;
  }
  const { contentType, body } = errorPage(headerOf(req.rawHeaders, 'accept'), refusing, refusing.pages);
  const headers = [
    'Content-Type',
    contentType,
    'Content-Length',
    String(body.length),
    'Cache-Control',
    'no-store',
  ];
  if (refusing.retryAfterSeconds !== undefined)
    headers.push('Retry-After', String(refusing.retryAfterSeconds));
  if (refusing.location !== undefined) headers.push('Location', refusing.location);
  if (typeof refusing.cookie === 'string') headers.push('Set-Cookie', refusing.cookie);
  res.writeHead(refusing.status, STATUS_CODES[refusing.status] ?? 'Refused', headers);
  res.end(body);
  linger(req);
}

/** Reads away what the client is still sending, for a bounded time. */
export function linger(req: ClientRequest): void {
  if (req.complete) return;
  req.resume();
  const timer = setTimeout(() => {
    if (!req.complete) req.socket.destroy();
  }, LINGER_MS);
  timer.unref();
  req.once('close', () => clearTimeout(timer));
}
