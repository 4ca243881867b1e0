import { fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import type { Load } from './load.ts';
import type { LoadReport } from './tally.ts';
import type { LoadOptions } from './options.ts';

export type Command = { readonly id: number } & (
  | { readonly do: 'snapshot' | 'switched' | 'stop' }
  | { readonly do: 'served'; readonly version: string; readonly count: number; readonly withinMs: number }
);

export type Answer = { readonly id: number } & ({ readonly result: unknown } | { readonly error: string });

/** The same as `Load`, in another process, so that its work does not delay that of whoever watches it. */
export type RemoteLoad = {
  readonly pid: number;
  snapshot(): Promise<LoadReport>;
  switched(): Promise<void>;
  served: Load['served'];
  /** Ends the load in order, and its process. */
  stop(): Promise<LoadReport>;
  /** Ends the process at once. */
  kill(): void;
};

/** Starts the load in a process of its own. What `options` leaves out is `DEFAULT_LOAD`. */
export function forkLoad(options: Partial<LoadOptions> & { readonly port: number }): RemoteLoad {
  const child = fork(fileURLToPath(new URL('main.ts', import.meta.url)), toArguments(options), {
    // Not this process's own: under `node --test` the child would take itself for a test.
    execArgv: [],
  });
  const waiting = new Map<number, PromiseWithResolvers<unknown>>();
  let lastId = 0;
  let gone: Error | null = null;
  child.on('message', (answer: Answer) => {
    const call = waiting.get(answer.id);
    waiting.delete(answer.id);
    if ('error' in answer) call?.reject(new Error(answer.error));
    else call?.resolve(answer.result);
  });
  child.once('exit', (code, signal) => {
    gone = new Error(`the load generator is gone (${signal ?? `exit ${code}`})`);
    for (const call of waiting.values()) call.reject(gone);
  });
  const ask = async (command: Omit<Command, 'id'> & Record<string, unknown>): Promise<unknown> => {
    if (gone !== null) throw gone;
    const call = Promise.withResolvers<unknown>();
    const id = ++lastId;
    waiting.set(id, call);
    child.send({ ...command, id });
    return call.promise;
  };
  return {
    pid: child.pid!,
    snapshot: () => ask({ do: 'snapshot' }) as Promise<LoadReport>,
    switched: () => ask({ do: 'switched' }) as Promise<void>,
    served: (version, count, withinMs) => ask({ do: 'served', version, count, withinMs }) as Promise<void>,
    stop: async () => {
      const report = (await ask({ do: 'stop' })) as LoadReport;
      const exit = once(child, 'exit');
      child.kill('SIGKILL');
      await exit;
      return report;
    },
    kill: () => void child.kill('SIGKILL'),
  };
}

function toArguments(options: Partial<LoadOptions> & { readonly port: number }): string[] {
  const argv: string[] = [];
  for (const [name, value] of Object.entries(options)) {
    if (name === 'requests') for (const request of options.requests!) argv.push('--request', request);
    else if (value !== null && value !== undefined) argv.push(...toArgument(name, value as string | number));
  }
  return argv;
}

function toArgument(name: string, value: string | number): string[] {
  if (name.endsWith('Ms')) {
    const flag = name === 'transferMs' ? 'transfer-time' : name.slice(0, -2);
    return [`--${flag}`, `${value}ms`];
  }
  return [`--${name.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`, String(value)];
}
