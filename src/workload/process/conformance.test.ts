import { after } from 'node:test';
import { workloadConformance, type AppKind } from '../conformance.ts';
import type { ProcessRuntime } from './process-runtime.ts';
import { newStateDir, openRuntime, removeDir, stopAll, testRelease } from './fixtures/runtime.ts';

const stateDir = newStateDir();
after(() => removeDir(stateDir));

workloadConformance('run:', {
  open: async () => openRuntime(stateDir),
  leave: async (runtime) => (runtime as ProcessRuntime).detach(),
  release: async (service, label, app) => testRelease(service, label, { run: commandOf(app) }),
  cleanUp: (service) => stopAll(stateDir, service),
});

function commandOf(app: AppKind): string {
  return app === 'serves' ? 'node app.mjs' : `python3 app.py ${app}`;
}
