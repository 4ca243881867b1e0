import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { z } from 'zod';
import { OperatingError } from '../lib/errors.ts';
import type { Entrance } from './entrance.ts';
import type { Shared } from './respond.ts';
import { checkPart } from './route.ts';
import { clearCookie, sessionBrought, setCookie } from './session-cookie.ts';
import type { Begun, Sessions } from './sessions.ts';

type Network = Extract<Entrance, { kind: 'network' }>;

/** A token, or the code of a link that `bascule dashboard` made. */
const loginBody = z.union([
  z.strictObject({ token: z.string().min(1).max(200) }),
  z.strictObject({ link: z.string().min(1).max(200) }),
]);

/** Login and logout: not part of the API, which has tokens. */
export function addSessions(
  app: FastifyInstance,
  entrance: Network,
  { shared, sessions }: { readonly shared: Shared; readonly sessions: Sessions },
): void {
  app.post('/session', { config: { isLogin: true }, bodyLimit: 4096 }, async (request, reply) => {
    mustBePage(request);
    const begun = shared.gate.orCounted(request, reply, () => login(request, { shared, sessions }));
    reply.header('set-cookie', setCookie(begun.cookie, request, entrance));
    return { key: begun.key };
  });
  app.delete('/session', { config: { isLogin: true }, bodyLimit: 4096 }, async (request, reply) => {
    mustBePage(request);
    const brought = sessionBrought(request, entrance);
    if (brought !== null) sessions.end(brought.cookie, brought.key);
    shared.streams.review();
    return sendOver(request, reply, entrance);
  });
}

/** Whether nobody need be known for it. */
export function isLogin(request: FastifyRequest): boolean {
  return (request.routeOptions.config as { readonly isLogin?: boolean }).isLogin === true;
}

/** Errors: TOKEN_REFUSED, LINK_REFUSED, REQUEST_INVALID. */
function login(
  request: FastifyRequest,
  { shared, sessions }: { readonly shared: Shared; readonly sessions: Sessions },
): Begun {
  const body = checkPart(loginBody, request.body ?? {}, 'body') as z.infer<typeof loginBody>;
  if ('link' in body) {
    const begun = sessions.beginByLink(body.link);
    if (begun !== null) return begun;
    throw new OperatingError(
      'LINK_REFUSED',
      'This link was used already, or is older than a minute. "bascule dashboard" makes another one.',
      { retryable: false },
    );
  }
  const { id } = shared.gate.tokenOf(body.token, request);
  return sessions.begin({ kind: 'token', token: id });
}

function sendOver(request: FastifyRequest, reply: FastifyReply, entrance: Network): FastifyReply {
  return reply.header('set-cookie', clearCookie(request, entrance)).send({ over: true });
}

/** Browsers say where a request comes from; `checkBrowser` has compared it. */
function mustBePage(request: FastifyRequest): void {
  if (request.headers.origin !== undefined) return;
  throw new OperatingError(
    'ORIGIN_FOREIGN',
    'Logging in is for the dashboard in a browser, which says where it comes from (Origin); programs send a token. Nothing changed.',
    { retryable: false },
  );
}
