import { join } from 'node:path';
import type { CommandRunner } from '../command-runner.ts';
import { commandEnvironment, marksOf } from '../environment.ts';
import { fileNameOf } from '../file-name.ts';
import { systemUser } from '../user.ts';
import { plainValues, type CheckerOptions } from './checker.ts';
import { runCommand } from './run-check.ts';

/** Commands that measure: what each wrote last is in `measures/` of the state directory. */
export function commandRunner({ stateDir, store, allowedUsers, path }: CheckerOptions): CommandRunner {
  return {
    async run({ release, command, withinMs, name, more }, signal) {
      const user = await systemUser(release.spec.user, allowedUsers);
      const home = join(stateDir, 'measures', fileNameOf(`${release.service}-${name}`));
      const marks = { ...marksOf(release.service, release.label, null), BASCULE_MEASURE: name };
      return runCommand(
        {
          command,
          withinMs,
          directory: await store.prepare(release),
          environment: {
            ...commandEnvironment({ release, place: null, values: plainValues(release), user, path }),
            ...more,
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
