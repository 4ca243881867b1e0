import { fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import type { Faults } from './faults.ts';

/** What a kind of clients has done. */
export type ClientReport = {
  readonly faults: Faults;
  /** By what they did. */
  readonly done: Readonly<Record<string, number>>;
};

export type Clients = {
  readonly name: string;
  /** Begins nothing more, finishes what is under way, ends the process. */
  stop(): Promise<ClientReport>;
  kill(): void;
};

/** A program of this folder that sends until it is told to stop. */
export function forkClients(name: string, args: readonly (string | number)[]): Clients {
  const file = fileURLToPath(new URL(`${name}.ts`, import.meta.url));
  const child = fork(file, args.map(String), { execArgv: [] });
  const exit = once(child, 'exit');
  exit.catch(() => undefined);
  return {
    name,
    stop: async () => {
      const told = once(child, 'message');
      child.send('stop');
      const gone = exit.then(() => {
        throw new Error(`the clients "${name}" ended before they told anything`);
      });
      const [report] = (await Promise.race([told, gone])) as [ClientReport];
      child.kill('SIGKILL');
      await exit;
      return report;
    },
    kill: () => void child.kill('SIGKILL'),
  };
}
