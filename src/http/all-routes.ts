import { openapiAnswer } from './answers.ts';
import { openapiOf } from './openapi.ts';
import { route, type Route } from './route.ts';
import { AGREE_ROUTES } from './routes-agree.ts';
import { artifactRoutes, MOST_ARTIFACT_BYTES } from './routes-artifacts.ts';
import { backupRoutes } from './routes-backup.ts';
import { dashboardRoutes, type LinkMaker } from './routes-dashboard.ts';
import { GUARD_ROUTES } from './routes-guard.ts';
import { JUDGE_ROUTES } from './routes-judge.ts';
import { MEASURE_ROUTES } from './routes-measure.ts';
import { notifyRoutes } from './routes-notify.ts';
import { READ_ROUTES } from './routes-read.ts';
import { settingsRoutes } from './routes-settings.ts';
import { STEER_ROUTES } from './routes-steer.ts';
import { TOKEN_ROUTES } from './routes-token.ts';
import type { ApiOptions } from './server.ts';
import type { SettingsView } from './server-settings.ts';

/** Every route, openapi.json included. */
export function allRoutes(
  options: Pick<ApiOptions, 'version' | 'mostArtifactBytes' | 'backup' | 'notifier'> & {
    readonly link?: LinkMaker;
    readonly look?: () => Promise<SettingsView>;
    /** Never jumps; for what is bounded by time. */
    readonly nowMs?: () => number;
  },
): readonly Route[] {
  const routes = [
    ...READ_ROUTES,
    ...JUDGE_ROUTES,
    ...STEER_ROUTES,
    ...GUARD_ROUTES,
    ...AGREE_ROUTES,
    ...MEASURE_ROUTES,
    ...TOKEN_ROUTES,
    ...artifactRoutes(options.mostArtifactBytes ?? MOST_ARTIFACT_BYTES),
    ...backupRoutes(options.backup),
    ...notifyRoutes(options.notifier, options.nowMs ?? (() => 0)),
    ...settingsRoutes(options.look),
    ...dashboardRoutes(options.link),
  ];
  let document: unknown;
  const described: Route = route({
    method: 'GET',
    path: '/openapi.json',
    role: 'viewer',
    reach: 'open',
    summary: 'This description',
    answer: openapiAnswer,
    handle: (): unknown => {
      document ??= openapiOf([...routes, described], options.version);
      return document;
    },
  });
  return [...routes, described];
}
