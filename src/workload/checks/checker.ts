import { join } from 'node:path';
import { formatAddress } from '../../lib/address.ts';
import type { Release } from '../../release/release.ts';
import type { Checker } from '../checker.ts';
import { commandEnvironment, marksOf } from '../environment.ts';
import { fileNameOf } from '../file-name.ts';
import type { ReleaseStore } from '../store.ts';
import { systemUser } from '../user.ts';
import { httpCheck } from './http-check.ts';
import { runCheck } from './run-check.ts';

export type CheckerOptions = {
  /** Has `checks/SERVICE.log`: what the last command of a service's checks wrote. */
  readonly stateDir: string;
  readonly store: ReleaseStore;
  readonly allowedUsers: readonly string[];
  /** PATH of commands, unless the release sets its own. */
  readonly path: string;
};

/** Checks by HTTP, and by commands in the release's own directory. */
export function releaseChecker({ stateDir, store, allowedUsers, path }: CheckerOptions): Checker {
  return {
    async attempt(check, { release, preview }, signal) {
      if (check.kind === 'http') return httpCheck(check, preview, signal);
      const user = await systemUser(release.spec.user, allowedUsers);
      const home = join(stateDir, 'checks', fileNameOf(release.service));
      const marks = { ...marksOf(release.service, release.label, null), BASCULE_PREVIEW_URL: urlOf(preview) };
      return runCheck(
        {
          command: check.command,
          withinMs: check.withinMs,
          directory: await store.prepare(release),
          environment: {
            ...commandEnvironment({ release, place: null, values: plainValues(release), user, path }),
            ...marks,
          },
          user,
          toolPath: path,
          logPath: `${home}.log`,
          recordPath: `${home}.json`,
          marks,
        },
        signal,
      );
    },
  };
}

function urlOf(preview: Parameters<typeof formatAddress>[0]): string {
  return `http://${formatAddress(preview)}`;
}

/** Secrets belong to what serves: what a check writes is kept and shown. */
export function plainValues(release: Release): Record<string, string> {
  return Object.fromEntries(
    Object.entries(release.spec.env).flatMap(([name, value]) =>
      value.kind === 'plain' ? [[name, value.value]] : [],
    ),
  );
}
