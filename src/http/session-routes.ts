import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { z } from 'zod';
import { OperatingError } from '../lib/errors.ts';
import type { Entrance } from './entrance.ts';
import { loginDone, loginFailed, logout } from './login-notes.ts';
import type { OidcLogins } from './oidc-logins.ts';
import { plainAddress } from './rates.ts';
import type { Shared } from './respond.ts';
import { checkPart } from './route.ts';
import {
  beginningBrought,
  clearBeginning,
  clearCookie,
  sessionBrought,
  setBeginning,
  setCookie,
} from './session-cookie.ts';
import type { Begun } from './sessions.ts';

type Network = Extract<Entrance, { kind: 'network' }>;

/** A token, the code of a link that `bascule dashboard` made, or the query that a provider sent the browser back with. */
const loginBody = z.union([
  z.strictObject({ token: z.string().min(1).max(200) }),
  z.strictObject({ link: z.string().min(1).max(200) }),
  z.strictObject({ oidc: z.string().min(1).max(6000) }),
]);

const CONFIG = { config: { isLogin: true }, bodyLimit: 8192 } as const;

/** Login and logout: not part of the API, which has tokens. */
export function addSessions(app: FastifyInstance, entrance: Network, shared: Shared): void {
  const { sessions, oidc, gate } = shared;
  app.get('/session', CONFIG, async () => ({ oidc: oidc?.host ?? null }));
  app.post('/session', CONFIG, async (request, reply) => {
    mustBePage(request);
    const { options } = shared;
    const begun = await gate.orCounted(request, reply, () =>
      login(request, entrance, shared).catch((error: unknown) => {
        const noted = loginFailed(error, addressOf(request));
        if (noted !== null) options.onNoted?.(noted);
        throw error;
      }),
    );
    options.onNoted?.(loginDone(begun));
    reply.header('set-cookie', [
      setCookie(begun, request, entrance),
      ...(oidc === null ? [] : [clearBeginning(request, entrance)]),
    ]);
    return { key: begun.key };
  });
  app.delete('/session', CONFIG, async (request, reply) => {
    mustBePage(request);
    const brought = sessionBrought(request, entrance);
    const ended = brought === null ? null : sessions.end(brought.cookie, brought.key, addressOf(request));
    if (ended !== null) shared.options.onNoted?.(logout(ended.who, ended.id));
    shared.streams.review();
    return sendOver(request, reply, entrance);
  });
  if (oidc === null) return;
  app.post('/session/oidc', CONFIG, async (request, reply) => {
    const origin = mustBePage(request);
    gate.count(request, reply);
    const { url, cookie, key } = await oidc.begin(origin);
    reply.header('set-cookie', setBeginning(cookie, request, entrance));
    return { url, key };
  });
}

function addressOf(request: FastifyRequest): string {
  return plainAddress(request.socket.remoteAddress ?? 'unknown');
}

/** Whether nobody need be known for it. */
export function isLogin(request: FastifyRequest): boolean {
  return (request.routeOptions.config as { readonly isLogin?: boolean }).isLogin === true;
}

/** Errors: TOKEN_REFUSED, LINK_REFUSED, OIDC_REFUSED, OIDC_NO_ROLE, OIDC_UNREACHABLE, REQUEST_INVALID. */
async function login(request: FastifyRequest, entrance: Network, shared: Shared): Promise<Begun> {
  const { sessions, gate, oidc } = shared;
  const from = addressOf(request);
  const body = checkPart(loginBody, request.body ?? {}, 'body') as z.infer<typeof loginBody>;
  if ('link' in body) {
    const begun = sessions.beginByLink(body.link, from);
    if (begun !== null) return begun;
    throw new OperatingError(
      'LINK_REFUSED',
      'This link was used already, or is older than a minute. "bascule dashboard" makes another one.',
      { retryable: false },
    );
  }
  if ('oidc' in body) {
    const member = await vouched(body.oidc, oidc, { request, entrance });
    return sessions.begin({ kind: 'oidc', ...member }, from);
  }
  const { id } = gate.tokenOf(body.token, request);
  return sessions.begin({ kind: 'token', token: id }, from);
}

async function vouched(
  answer: string,
  oidc: OidcLogins | null,
  { request, entrance }: { readonly request: FastifyRequest; readonly entrance: Network },
) {
  const brought = beginningBrought(request, entrance);
  if (oidc === null || brought === null) {
    throw new OperatingError(
      'OIDC_REFUSED',
      'No login with a provider was begun in this tab of this browser. Nobody is logged in; begin again.',
      { retryable: false },
    );
  }
  const origin = mustBePage(request);
  const member = await oidc.complete({ answer, origin, ...brought });
  return { ...member, issuer: oidc.rules.issuer };
}

function sendOver(request: FastifyRequest, reply: FastifyReply, entrance: Network): FastifyReply {
  return reply.header('set-cookie', clearCookie(request, entrance)).send({ over: true });
}

/** Its origin: browsers say where a request comes from; `checkBrowser` has compared it. */
function mustBePage(request: FastifyRequest): string {
  const { origin } = request.headers;
  if (origin !== undefined) return origin.toLowerCase();
  throw new OperatingError(
    'ORIGIN_FOREIGN',
    'Logging in is for the dashboard in a browser, which says where it comes from (Origin); programs send a token. Nothing changed.',
    { retryable: false },
  );
}
