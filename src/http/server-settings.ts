import type { z } from 'zod';
import { MOST_EVENTS, MOST_ROLLOUTS } from '../controller/old-documents.ts';
import type { ServerFile } from '../controller/server-file.ts';
import { MINUTES_KEPT_S, MOST_EVIDENCE_BYTES, SECONDS_KEPT_S } from '../controller/tidy.ts';
import { MOST_VALID, REMEMBERED_MS } from '../controller/tokens.ts';
import type { ChannelView } from '../notify/channel.ts';
import type { settingsView } from './answers-settings.ts';
import { MOST_BODY_BYTES, MOST_CONNECTIONS } from './app.ts';
import { FAILURES, REQUESTS } from './gate.ts';
import { NETWORK_LIMITS, type Listeners } from './listeners.ts';
import type { Shared } from './respond.ts';
import { LONGEST_TOKEN_MS } from './routes-token.ts';
import { MOST_ARTIFACT_BYTES } from './routes-artifacts.ts';
import { IDLE_MS, MOST_SESSIONS, SESSION_MS } from './sessions.ts';

export type SettingsView = z.infer<typeof settingsView>;

/** What only the server knows of its own file and of whom it tells. */
export type SettingsParts = {
  readonly file: ServerFile;
  /** Where it stands; null: there is none, and everything is as by default. */
  readonly path: string | null;
  readonly channels: () => Promise<readonly ChannelView[]>;
};

/** How the server is set up, without anything that lets somebody in anywhere. */
export async function settingsOf(
  { file, path, channels }: SettingsParts,
  shared: Shared,
  listeners: Pick<Listeners, 'views'>,
): Promise<SettingsView> {
  const { slotPorts, proxyWorkers, allowedUsers, allowedEnv, keepReleases } = file;
  return {
    file: path,
    node: process.versions.node,
    sockets: shared.options.socketDirectory,
    listeners: listeners.views(),
    logins: loginsOf(file, shared),
    tokens: {
      valid: shared.options.controller.tokens.list().filter(({ state }) => state === 'valid').length,
      most: MOST_VALID,
      longestMs: LONGEST_TOKEN_MS,
      rememberedMs: REMEMBERED_MS,
    },
    channels: await channels(),
    sources: file.sources.map(({ name, kind, url }) => ({ name, kind, host: new URL(url).host })),
    freezes: {
      now: shared.options.controller.read.freezes(),
      rules: file.freezes,
    },
    services: { slotPorts, proxyWorkers, allowedUsers, allowedEnv },
    limits: limitsOf(shared),
    retention: {
      releases: keepReleases,
      rollouts: MOST_ROLLOUTS,
      events: MOST_EVENTS,
      secondsMs: SECONDS_KEPT_S * 1000,
      minutesMs: MINUTES_KEPT_S * 1000,
      evidenceBytes: MOST_EVIDENCE_BYTES,
    },
  };
}

function loginsOf({ oidc }: ServerFile, { sessions, pages }: Shared): SettingsView['logins'] {
  return {
    dashboard: pages !== null,
    open: sessions.count(),
    most: MOST_SESSIONS,
    longestMs: SESSION_MS,
    idleMs: IDLE_MS,
    oidc:
      oidc === null
        ? null
        : {
            issuer: oidc.issuer,
            host: new URL(oidc.issuer).host,
            sessionMs: oidc.sessionMs,
            scopes: oidc.scopes,
            nameClaim: oidc.nameClaim,
            groupsClaim: oidc.groupsClaim,
            roles: oidc.roles,
          },
  };
}

function limitsOf({ options }: Shared): SettingsView['limits'] {
  const { headMs, bodyMs, idleMs, mostPerAddress } = { ...NETWORK_LIMITS, ...options.networkLimits };
  return {
    requests: options.rates?.requests ?? REQUESTS,
    refused: options.rates?.failures ?? FAILURES,
    bodyBytes: MOST_BODY_BYTES,
    artifactBytes: options.mostArtifactBytes ?? MOST_ARTIFACT_BYTES,
    connections: MOST_CONNECTIONS,
    connectionsOfOne: mostPerAddress,
    headMs,
    bodyMs,
    idleMs,
  };
}
