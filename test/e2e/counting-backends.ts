/**
 * Applications that do what a path says, and note per server what they were asked for. Run as a program, it takes the keys of
 * its servers, tells their ports, and what was asked for whenever it gets a message.
 */
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { fileURLToPath } from 'node:url';

/** What each path comes to, by the names of the classes of counts. */
const CLASS_OF: Readonly<Record<string, string>> = {
  ok: 'ok',
  slow: 'ok',
  missing: 'clientError',
  error: 'serverError',
  never: 'timeout',
  abort: 'clientAbort',
  break: 'connectFailure',
};
/** A client that means to leave is gone by then. */
const ABORT_MS = 500;

/** By server and class. */
export type Asked = Readonly<Record<string, Readonly<Record<string, number>>>>;

export type Backends = {
  readonly ports: Readonly<Record<string, number>>;
  asked(): Promise<Asked>;
  stop(): void;
};

/** `breaks`: servers that break off every request but their health check. */
export async function startBackends(keys: readonly string[]): Promise<Backends> {
  const child = fork(fileURLToPath(import.meta.url), [...keys], { execArgv: [] });
  const [ports] = (await once(child, 'message')) as [Record<string, number>];
  return {
    ports,
    asked: async () => {
      child.send('asked');
      return ((await once(child, 'message')) as [Asked])[0];
    },
    stop: () => void child.kill('SIGKILL'),
  };
}

function answer(key: string, request: IncomingMessage, response: ServerResponse): string | null {
  const url = new URL(request.url!, 'http://x');
  const kind = url.pathname.slice(1);
  response.setHeader('X-Server', key);
  if (kind === 'healthz') {
    response.end('ok');
    return null;
  }
  if (kind === 'break' || key.endsWith('breaks')) {
    request.socket.destroy();
    return 'connectFailure';
  }
  const send = (status: number): void => void response.writeHead(status).end('x'.repeat(100));
  if (kind === 'missing') send(404);
  else if (kind === 'error') send(500);
  else if (kind === 'slow') setTimeout(send, Number(url.searchParams.get('ms')), 200);
  else if (kind === 'abort') setTimeout(send, ABORT_MS, 200);
  else if (kind !== 'never') send(200);
  return CLASS_OF[kind] ?? 'ok';
}

async function main(keys: readonly string[]): Promise<void> {
  const asked: Record<string, Record<string, number>> = {};
  const ports: Record<string, number> = {};
  for (const key of keys) {
    const counts: Record<string, number> = (asked[key] = {});
    const server = createServer((request, response) => {
      const outcome = answer(key, request, response);
      if (outcome !== null) counts[outcome] = (counts[outcome] ?? 0) + 1;
    });
    server.keepAliveTimeout = 90_000;
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    ports[key] = (server.address() as AddressInfo).port;
  }
  process.send!(ports);
  process.on('message', () => process.send!(asked));
  process.once('disconnect', () => process.exit());
}

if (import.meta.main) await main(process.argv.slice(2));
