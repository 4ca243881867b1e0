import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { CALLBACK_PATH } from './oidc-logins.ts';
import type { Page, Pages } from './pages.ts';

/** Addresses of screens: each is the same page, which looks at the address. They hold no data. */
const SCREENS = [
  '/',
  '/services/:service',
  '/rollouts/:rollout',
  '/rollouts/:rollout/why',
  '/rollouts/:rollout/lab',
  '/history',
  '/audit',
  '/settings',
  CALLBACK_PATH,
] as const;

/** What the page may do: its own scripts and styles, its own server, nothing in a frame, nothing sent elsewhere. */
export const PAGE_POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self' data:",
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join('; ');

const YEAR_SECONDS = 31_536_000;

/** The dashboard's files, for whoever asks: they are the same for everybody, and say nothing of this server. */
export function addPages(app: FastifyInstance, pages: Pages): void {
  const start = pages.get('/');
  const add = (url: string, page: Page): void => {
    app.route({
      method: ['GET', 'HEAD'],
      url,
      config: { isPage: true },
      handler: async (request, reply) => sendPage(page, request, reply),
    });
  };
  for (const [url, page] of pages) if (url !== '/') add(url, page);
  if (start !== undefined) for (const url of SCREENS) add(url, start);
}

/** Whether a request is for one of them, so that nobody need be known. */
export function isPage(request: FastifyRequest): boolean {
  return (request.routeOptions.config as { readonly isPage?: boolean }).isPage === true;
}

function sendPage(page: Page, request: FastifyRequest, reply: FastifyReply): FastifyReply {
  const { type, etag, forever } = page;
  reply.headers({
    'content-security-policy': PAGE_POLICY,
    'cache-control': forever ? `public, max-age=${YEAR_SECONDS}, immutable` : 'no-cache',
    'content-type': type,
    'cross-origin-opener-policy': 'same-origin',
    etag,
    vary: 'accept-encoding',
  });
  if (request.headers['if-none-match'] === etag) return reply.code(304).send();
  const [body, encoding] = bestFor(page, request.headers['accept-encoding'] ?? '');
  if (encoding !== null) reply.header('content-encoding', encoding);
  reply.header('content-length', body.length);
  return reply.send(request.method === 'HEAD' ? undefined : body);
}

function bestFor({ brotli, gzip, plain }: Page, accepted: string): readonly [Buffer, string | null] {
  if (brotli !== null && /\bbr\b/.test(accepted)) return [brotli, 'br'];
  if (gzip !== null && /\bgzip\b/.test(accepted)) return [gzip, 'gzip'];
  return [plain, null];
}
