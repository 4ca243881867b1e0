import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { promisify } from 'node:util';
import { type Burst, CONNECTIONS, LOAD_NAME, burst } from '../burst.ts';
import { run } from './child.ts';

/** Where a proxy listens. */
export type Ports = { readonly port: number; readonly securePort: number };

/** One kind of load whose processor time is measured. */
export type Lane = {
  readonly name: string;
  readonly title: string;
  /** Why it cannot run here, or null. */
  absent(): string | null;
  load(ports: Ports, seconds: number): Promise<Burst>;
};

const H2LOAD = ['/usr/bin/h2load', '/usr/local/bin/h2load', '/opt/homebrew/bin/h2load'].find((file) =>
  existsSync(file),
);
/** As many requests under way as over HTTP/1.1. */
const SESSIONS = 8;

/** `script` and `cookies` are those of people whom the built-in proxy knows. */
export function lanesFor(script: string, cookies: readonly string[]): readonly Lane[] {
  return [
    {
      name: 'small',
      title: 'small bodies, µs a request',
      absent: () => null,
      load: ({ port }, seconds) => burst(`http://127.0.0.1:${port}/`, seconds, script),
    },
    {
      name: 'large',
      title: 'bodies of 100 KiB, µs a request',
      absent: () => null,
      load: ({ port }, seconds) => burst(`http://127.0.0.1:${port}/100k`, seconds, script),
    },
    {
      name: 'tls',
      title: 'TLS, HTTP/1.1 kept alive, small bodies, µs a request',
      absent: () => (LOAD_NAME === 'wrk' ? null : 'wrk is not installed'),
      load: ({ securePort }, seconds) => burst(`https://127.0.0.1:${securePort}/`, seconds, script),
    },
    {
      name: 'http2',
      title: 'HTTP/2 over TLS, small bodies, µs a request',
      absent: () => (H2LOAD === undefined ? 'h2load (nghttp2-client) is not installed' : null),
      load: ({ securePort }, seconds) => h2load(securePort, seconds, cookies[0]!),
    },
    {
      name: 'websocket',
      title: 'WebSocket, echo of 64 bytes, µs a message and its echo',
      absent: () => null,
      load: async ({ port }, seconds) =>
        (await run('websocket-load.ts', [port, CONNECTIONS, seconds])) as Burst,
    },
  ];
}

async function h2load(port: number, seconds: number, cookie: string): Promise<Burst> {
  const args = ['-t1', `-c${SESSIONS}`, `-m${CONNECTIONS / SESSIONS}`, `-D${seconds}`];
  args.push('-H', `cookie: ${cookie}`, `https://127.0.0.1:${port}/`);
  const { stdout } = await promisify(execFile)(H2LOAD!, args, { timeout: seconds * 1000 + 10_000 });
  const found =
    /(\d+) done, \d+ succeeded, (\d+) failed, (\d+) errored, (\d+) timeout/.exec(stdout)?.slice(1) ?? [];
  const [requests = 0, ...wrong] = found.map(Number);
  const others = /status codes: (\d+) 2xx/.exec(stdout);
  const isHttp2 = /Application protocol: h2$/m.test(stdout);
  const errors = wrong.reduce((sum, each) => sum + each, 0) + requests - Number(others?.[1] ?? 0);
  return { requests, perSecond: requests / seconds, errors: isHttp2 ? errors : Math.max(1, errors) };
}
