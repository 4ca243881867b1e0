import { fork } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';

/** A program of this folder in a process of its own, that tells what it found in messages, and ends with whoever began it. */
export type Child = {
  /** What it tells next. */
  next(): Promise<unknown>;
  /** What it tells once it was asked to go on. */
  ask(): Promise<unknown>;
  end(): Promise<void>;
};

export function begin(program: string, args: readonly (string | number)[]): Child {
  const file = fileURLToPath(new URL(program, import.meta.url));
  const child = fork(file, args.map(String), { execArgv: [] });
  const exit = once(child, 'exit');
  const next = (): Promise<unknown> => nextOf(child, program);
  const ask = (): Promise<unknown> => {
    const told = next();
    child.send('go on');
    return told;
  };
  return { next, ask, end: () => endOf(child, exit) };
}

/** Its one finding. */
export async function run(program: string, args: readonly (string | number)[]): Promise<unknown> {
  const child = begin(program, args);
  try {
    return await child.next();
  } finally {
    await child.end();
  }
}

async function nextOf(child: ChildProcess, program: string): Promise<unknown> {
  const over = new AbortController();
  try {
    return await Promise.race([
      once(child, 'message', { signal: over.signal }).then(([told]) => told as unknown),
      once(child, 'exit', { signal: over.signal }).then(() => {
        throw new Error(`${program} ended before it told anything`);
      }),
    ]);
  } finally {
    over.abort();
  }
}

async function endOf(child: ChildProcess, exit: Promise<unknown>): Promise<void> {
  child.kill('SIGKILL');
  await exit;
}
