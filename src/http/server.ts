import type { Readable } from 'node:stream';
import { ROLES, type Caller, type Controller } from '../controller/controller.ts';
import type { Listener } from '../controller/listener-entry.ts';
import type { Clock } from '../lib/clock.ts';
import type { Notifier } from '../notify/channel.ts';
import { allRoutes } from './all-routes.ts';
import { appFor } from './app.ts';
import { Gate } from './gate.ts';
import { Idempotency, type IdempotencyStore } from './idempotency.ts';
import { Listeners, type NetworkLimits } from './listeners.ts';
import type { Rate } from './rates.ts';
import type { Shared } from './respond.ts';
import type { LinkMaker } from './routes-dashboard.ts';
import { LiveViews } from './live-views.ts';
import { OidcLogins } from './oidc-logins.ts';
import type { OidcOptions } from './oidc-provider.ts';
import type { Pages } from './pages.ts';
import { loginEnd } from './login-notes.ts';
import { Sessions, LINK_MS, type SessionStore } from './sessions.ts';
import { settingsOf, type SettingsParts } from './server-settings.ts';
import { listenOn, type Listening, prepareSockets, socketPath } from './sockets.ts';
import { STREAM_LIMITS, Streams, type StreamLimits } from './streams.ts';

export type ApiOptions = {
  readonly controller: Controller;
  readonly idempotency: IdempotencyStore;
  /** Where viewer.sock, operator.sock and admin.sock go: `<stateDir>/sockets`. */
  readonly socketDirectory: string;
  readonly version: string;
  readonly clock: Clock;
  /** Told about every bug, with the id of its request. */
  readonly onBug: (error: unknown, requestId: string) => void;
  /** Told about everything that a role or token did not allow. */
  readonly onDenied?: (denied: Denied) => void;
  /** Told about logins and their ends, those that failed too, and about test messages. */
  readonly onNoted?: (noted: Noted) => void;
  readonly mostArtifactBytes?: number;
  /** Begins a backup. */
  readonly backup?: () => Readable;
  /** Tells people. */
  readonly notifier?: Notifier;
  /** How the server is set up. */
  readonly settings?: SettingsParts;
  /** The dashboard, where its logins are kept, and who else vouches for people. */
  readonly dashboard?: {
    readonly pages: Pages;
    readonly sessions: SessionStore;
    readonly oidc?: OidcOptions;
  };
  /** Which port browsers of this machine came to before, so that they find the server again. */
  readonly localPort?: { read(): number | null; write(port: number): void };
  readonly streams?: Partial<StreamLimits>;
  /** Addresses besides the sockets. */
  readonly listeners?: readonly Listener[];
  /** Told what becomes of them. */
  readonly onNote?: (message: string) => void;
  readonly networkLimits?: Partial<NetworkLimits>;
  readonly rates?: { readonly requests?: Rate; readonly failures?: Rate };
};

export type Denied = {
  readonly caller: Caller;
  /** As people call it. */
  readonly verb: string;
  readonly service: string | null;
  readonly code: string;
  readonly why: string;
};

export type Noted = {
  /** `role`: `none` of whom nobody knows. */
  readonly caller: Pick<Caller, 'actor' | 'from'> & { readonly role: string };
  readonly verb: string;
  readonly result: 'done' | 'refused';
  /** Of the refusal. */
  readonly code: string | null;
  readonly why: string;
};

export type Api = {
  /** Opens the sockets, then the addresses. Errors: SOCKET_IN_USE, SOCKET_FAILED, LISTENER_FAILED; then none is open. */
  start(): Promise<void>;
  /** Gives sockets that were deleted their names again; `lost` where that cannot be. Never throws. */
  mend(): Promise<'whole' | 'mended' | 'lost'>;
  /** Takes no new requests, ends the streams, lets the others finish for at most `graceMs`. */
  stop(graceMs: number): Promise<void>;
};

/** The API on its three sockets, each with a role of its own, and at the addresses of its listeners. */
export function createApi(options: ApiOptions): Api {
  const shared: Shared = sharedOf(options, () => listeners);
  const apps = ROLES.map((role) => {
    const entrance = { kind: 'socket' as const, role };
    return { role, app: appFor({ entrance, server: null, bodyMs: null }, shared) };
  });
  const listeners = new Listeners(shared);
  const forget: (() => void)[] = [];
  const open: Listening[] = [];
  const close = async () => {
    for (const one of forget.splice(0)) one();
    const closed = listeners.close();
    const removed = await Promise.allSettled(open.map(({ undo }) => undo()));
    await Promise.all([closed, ...apps.map(({ app }) => app.close())]);
    for (const result of removed) if (result.status === 'rejected') throw result.reason;
  };
  return {
    start: async () => {
      await prepareSockets(options.socketDirectory);
      try {
        for (const { role, app } of apps) {
          const path = socketPath(options.socketDirectory, role);
          open.push(await listenOn((own) => app.listen({ path: own }), path));
        }
        await listeners.open();
        forget.push(options.controller.tokens.onChange(() => shared.streams.review()));
      } catch (error) {
        await close();
        throw error;
      }
    },
    mend: async () => {
      listeners.refresh();
      // A token may have ended by itself.
      shared.streams.review();
      shared.sessions.sweep();
      const found = await Promise.all(open.map(({ mend }) => mend().catch(() => 'lost' as const)));
      return found.includes('lost') ? 'lost' : found.includes('mended') ? 'mended' : 'whole';
    },
    stop: async (graceMs) => {
      shared.stopping = true;
      shared.streams.endAll();
      const late = setTimeout(() => {
        for (const { app } of apps) app.server.closeAllConnections();
        listeners.closeAllConnections();
      }, graceMs);
      try {
        await close();
      } finally {
        clearTimeout(late);
      }
    },
  };
}

/** What every entrance has in common; `listeners`: once they are there. */
function sharedOf(options: ApiOptions, listeners: () => Listeners): Shared {
  const nowMs = () => options.clock.nowMs();
  const { sessions, oidc } = loginsOf(options, nowMs);
  const { settings } = options;
  const link: LinkMaker = async (caller, token) => {
    const place = await listeners().local();
    return { url: `${place}/#login=${sessions.makeLink(caller, token)}`, expiresInMs: LINK_MS };
  };
  const shared: Shared = {
    options,
    routes: allRoutes({
      ...options,
      nowMs: () => options.clock.monotonicMs(),
      ...(options.dashboard !== undefined && { link }),
      ...(settings !== undefined && { look: () => settingsOf(settings, shared, listeners()) }),
    }),
    streams: new Streams({ ...STREAM_LIMITS, ...options.streams }),
    idempotency: new Idempotency(options.idempotency, nowMs),
    gate: new Gate(options, sessions),
    views: new LiveViews(options.controller.read, nowMs),
    sessions,
    oidc,
    pages: options.dashboard?.pages ?? null,
    stopping: false,
  };
  return shared;
}

/** Who is logged in, and how people log in besides with a token. */
function loginsOf({ controller, dashboard, onNoted }: ApiOptions, nowMs: () => number) {
  const store = dashboard?.sessions ?? { read: () => null, write: () => undefined };
  const oidc = dashboard?.oidc;
  return {
    sessions: new Sessions(controller.tokens, nowMs, store, {
      oidc: oidc?.rules ?? null,
      onEnd: (ended) => onNoted?.(loginEnd(ended)),
    }),
    oidc: oidc === undefined ? null : new OidcLogins(oidc, nowMs),
  };
}
