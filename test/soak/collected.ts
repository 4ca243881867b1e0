import { setTimeout as sleep } from 'node:timers/promises';
import { WebSocket } from 'ws';
import type { Watched } from './watch.ts';

/** Where a process of Node listens for a debugger once it got SIGUSR1. */
const DEBUGGER = 'http://127.0.0.1:9229/json/list';
const WITHIN_MS = 20_000;
const CLOSE = `setTimeout(() => process.getBuiltinModule('node:inspector').close(), 50), 0`;

/** Resident memory in MiB of each process right after it was made to collect its garbage, by name. */
export async function collected(all: readonly Watched[]): Promise<Readonly<Record<string, number>>> {
  const found: Record<string, number> = {};
  // One after another: they all would listen at one port.
  for (const { name, pid } of all) found[name] = await collectedMib(pid);
  return found;
}

async function collectedMib(pid: number): Promise<number> {
  process.kill(pid, 'SIGUSR1');
  const socket = new WebSocket(await debuggerOf(pid));
  try {
    const ask = asker(socket);
    await new Promise<void>((resolve, reject) => void socket.once('open', resolve).once('error', reject));
    const asked = await value(ask, 'process.pid');
    if (asked !== pid) throw new Error(`process ${asked} listens for a debugger, where ${pid} should`);
    await ask('HeapProfiler.enable');
    await ask('HeapProfiler.collectGarbage');
    const rss = await value(ask, 'process.memoryUsage.rss()');
    await value(ask, CLOSE);
    return rss / 1024 / 1024;
  } finally {
    socket.close();
    await closed(pid);
  }
}

/** The next one needs the port. */
async function closed(pid: number): Promise<void> {
  const endMs = performance.now() + WITHIN_MS;
  while ((await targets()).length > 0) {
    if (performance.now() > endMs) throw new Error(`process ${pid} goes on listening for a debugger`);
    await sleep(50);
  }
}

type Target = { readonly webSocketDebuggerUrl: string };

async function targets(): Promise<readonly Target[]> {
  return fetch(DEBUGGER)
    .then(async (answer) => (await answer.json()) as Target[])
    .catch(() => []);
}

async function debuggerOf(pid: number): Promise<string> {
  const endMs = performance.now() + WITHIN_MS;
  for (;;) {
    const [target] = await targets();
    if (target !== undefined) return target.webSocketDebuggerUrl;
    if (performance.now() > endMs)
      throw new Error(`process ${pid} did not listen for a debugger at port 9229`);
    await sleep(50);
  }
}

type Ask = (method: string, params?: object) => Promise<object>;

async function value(ask: Ask, expression: string): Promise<number> {
  const { result } = (await ask('Runtime.evaluate', { expression, returnByValue: true })) as {
    result: { value: number };
  };
  return result.value;
}

function asker(socket: WebSocket): Ask {
  const waiting = new Map<number, (result: object) => void>();
  let ids = 0;
  socket.on('message', (data: Buffer) => {
    const { id, result } = JSON.parse(data.toString()) as { id: number; result: object };
    waiting.get(id)?.(result);
  });
  return (method, params = {}) =>
    new Promise((resolve, reject) => {
      ids += 1;
      waiting.set(ids, resolve);
      socket.send(JSON.stringify({ id: ids, method, params }));
      socket.once('close', () => reject(new Error(`the debugger left before it answered ${method}`)));
    });
}
