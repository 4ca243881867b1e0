import { spawnSync } from 'node:child_process';
import { describe } from 'node:test';
import { openBuiltin } from '../builtin/conformance.ts';
import type { RouterBench } from '../conformance.ts';
import { rulesConformance } from '../rules-conformance.ts';
import { openNginx } from './conformance.ts';

const skip = spawnSync('nginx', ['-v']).status === 0 ? false : 'nginx is not installed';

/** With the process in which held requests wait. */
async function openBoth(): Promise<RouterBench> {
  const builtin = await openBuiltin(2);
  const bench = await openNginx({ holdPort: builtin.router.holdPort });
  return {
    ...bench,
    close: async () => {
      await bench.close();
      await builtin.close();
    },
  };
}

describe('with nginx', { skip }, () => {
  rulesConformance('nginx', openBoth);
});
