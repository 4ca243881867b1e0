import { readFileSync, readdirSync } from 'node:fs';
import { openBuiltin } from '../../src/traffic/builtin/conformance.ts';
import { freePorts } from '../e2e/ports.ts';
import { endAtExit } from '../e2e/processes.ts';
import { openLane } from '../wire/lanes.ts';
import { type Application, startApplication } from './application.ts';

/** A proxy of one worker before one application, which gets copies of some requests too. */
export type World = {
  readonly port: number;
  readonly application: Application;
  /** Another one than before: it crashed. */
  readonly workerPid: () => number;
  readonly workerMiB: () => number;
  readonly close: () => Promise<void>;
};

export async function openWorld(): Promise<World> {
  const application = await startApplication();
  const bench = await openBuiltin(1);
  const keep = endAtExit({ environment: null, directory: bench.stateDir });
  const [port] = await freePorts(1);
  await openLane(bench.router, { service: 'fuzzed', port: port!, to: application.port, mirrorPercent: 20 });
  const workerPid = (): number => childOf(bench.router.pid()!);
  return {
    port: port!,
    application,
    workerPid,
    workerMiB: () => {
      const status = readFileSync(`/proc/${workerPid()}/status`, 'utf8');
      return Number(/VmRSS:\s+(\d+)/.exec(status)![1]) / 1024;
    },
    close: async () => {
      await bench.close();
      keep();
      await application.close();
    },
  };
}

function childOf(parent: number): number {
  for (const name of readdirSync('/proc').filter((each) => /^\d+$/.test(each))) {
    try {
      const stat = readFileSync(`/proc/${name}/stat`, 'utf8');
      if (Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1]) === parent) return Number(name);
    } catch {
      // It has ended meanwhile.
    }
  }
  return 0;
}
