import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Scope } from './stage.ts';

/** A place that somebody else runs: answers everything with its version. */
export type Target = {
  readonly url: string;
  readonly port: number;
  /** Paths asked for so far, health checks apart. */
  readonly asked: string[];
  /** 0 to 1: requests that are answered with 500. */
  errorRate: number;
  healthy: boolean;
  /** Its port is closed from then on. */
  stop(): Promise<void>;
};

export async function startTarget(scope: Scope, version: string, errorRate = 0): Promise<Target> {
  const asked: string[] = [];
  let turn = 0;
  const server: Server = createServer((req, res) => {
    res.setHeader('x-version', version);
    if (req.url!.endsWith('/healthz')) {
      res.writeHead(target.healthy ? 200 : 503).end(target.healthy ? 'well' : 'no database');
      return;
    }
    asked.push(req.url!);
    turn += target.errorRate;
    const fails = turn >= 1;
    if (fails) turn -= 1;
    req.resume();
    res.writeHead(fails ? 500 : 200).end(version);
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const stop = async (): Promise<void> => {
    if (!server.listening) return;
    server.close();
    server.closeAllConnections();
    await once(server, 'close');
  };
  scope.after(stop);
  const target: Target = { url: `http://127.0.0.1:${port}`, port, asked, errorRate, healthy: true, stop };
  return target;
}
