import { parseArgs } from 'node:util';
import { parseDuration } from '../../../src/lib/duration.ts';

/** What to put on a door. All counts may be 0. */
export type LoadOptions = {
  readonly host: string;
  readonly port: number;
  /** What the Host header says. */
  readonly hostHeader: string;
  /** Requests a second (open loop: their times are fixed beforehand); 0 for as fast as the answers come. */
  readonly perSecond: number;
  /** 0 for no ordinary requests. */
  readonly connections: number;
  /** `GET /path`, or `POST /path body`, taken in turn. */
  readonly requests: readonly string[];
  readonly users: number;
  /** 0 to 1: requests by people who were never seen before. */
  readonly newcomers: number;
  readonly uploads: number;
  readonly downloads: number;
  /** Size and length of each transfer. */
  readonly transferBytes: number;
  readonly transferMs: number;
  readonly streams: number;
  /** The application echoes what comes on `/echo`. */
  readonly webSockets: number;
  /** Connections of HTTP/2 over TLS, each with requests, an upload, a download and an event stream at a time. */
  readonly http2: number;
  /** Where they go. */
  readonly tlsPort: number;
  /** Without any progress. */
  readonly timeoutMs: number;
  /** null: until stopped. */
  readonly durationMs: number | null;
};

export const DEFAULT_LOAD: Omit<LoadOptions, 'port'> = {
  host: '127.0.0.1',
  hostHeader: 'localhost',
  perSecond: 200,
  connections: 32,
  requests: ['GET /', 'GET /product/tea', 'GET /product/cup', 'POST /cart product=cup'],
  users: 500,
  newcomers: 0.02,
  uploads: 0,
  downloads: 0,
  transferBytes: 262_144,
  transferMs: 2000,
  streams: 0,
  webSockets: 0,
  http2: 0,
  tlsPort: 0,
  timeoutMs: 10_000,
  durationMs: null,
};

/** `--port 8080 --per-second 1500 --duration 20s --request 'GET /' …`; throws on anything that it does not know. */
export function parseLoadArguments(argv: readonly string[]): LoadOptions {
  const text = { type: 'string' } as const;
  const { values } = parseArgs({
    args: [...argv],
    strict: true,
    allowPositionals: false,
    options: {
      host: text,
      port: text,
      'host-header': text,
      'per-second': text,
      connections: text,
      request: { type: 'string', multiple: true },
      users: text,
      newcomers: text,
      uploads: text,
      downloads: text,
      'transfer-bytes': text,
      'transfer-time': text,
      streams: text,
      'web-sockets': text,
      http2: text,
      'tls-port': text,
      timeout: text,
      duration: text,
    },
  });
  const d = DEFAULT_LOAD;
  return {
    host: values.host ?? d.host,
    port: number('port', values.port, undefined),
    hostHeader: values['host-header'] ?? d.hostHeader,
    perSecond: number('per-second', values['per-second'], d.perSecond),
    connections: number('connections', values.connections, d.connections),
    requests: values.request ?? d.requests,
    users: number('users', values.users, d.users),
    newcomers: number('newcomers', values.newcomers, d.newcomers),
    uploads: number('uploads', values.uploads, d.uploads),
    downloads: number('downloads', values.downloads, d.downloads),
    transferBytes: number('transfer-bytes', values['transfer-bytes'], d.transferBytes),
    transferMs: duration('transfer-time', values['transfer-time'], d.transferMs),
    streams: number('streams', values.streams, d.streams),
    webSockets: number('web-sockets', values['web-sockets'], d.webSockets),
    http2: number('http2', values.http2, d.http2),
    tlsPort: number('tls-port', values['tls-port'], d.tlsPort),
    timeoutMs: duration('timeout', values.timeout, d.timeoutMs),
    durationMs: values.duration === undefined ? null : duration('duration', values.duration, 0),
  };
}

function number(name: string, given: string | undefined, fallback: number | undefined): number {
  const value = given === undefined ? fallback : Number(given);
  if (value === undefined) throw new Error(`--${name} is needed`);
  if (!Number.isFinite(value) || value < 0) throw new Error(`--${name} takes a number, not "${given}"`);
  return value;
}

function duration(name: string, given: string | undefined, fallback: number): number {
  const value = given === undefined ? fallback : parseDuration(given);
  if (value === undefined) throw new Error(`--${name} takes a duration such as 20s, not "${given}"`);
  return value;
}
