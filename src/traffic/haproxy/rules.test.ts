import { spawnSync } from 'node:child_process';
import { describe } from 'node:test';
import { openBuiltin } from '../builtin/conformance.ts';
import type { RouterBench } from '../conformance.ts';
import { searchPath } from '../proxy-command.ts';
import { rulesConformance } from '../rules-conformance.ts';
import { openHaproxy } from './conformance.ts';

const ENV = { ...process.env, PATH: searchPath() };
const skip = spawnSync('haproxy', ['-v'], { env: ENV }).status === 0 ? false : 'haproxy is not installed';

/** With the process in which held requests wait. */
async function openBoth(): Promise<RouterBench> {
  const builtin = await openBuiltin(2);
  const bench = await openHaproxy({ holdPort: builtin.router.holdPort });
  return {
    ...bench,
    close: async () => {
      await bench.close();
      await builtin.close();
    },
  };
}

describe('with HAProxy', { skip }, () => {
  rulesConformance('HAProxy', openBoth);
});
