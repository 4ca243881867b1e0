import { mkdtemp, rm } from 'node:fs/promises';
import { request, type IncomingHttpHeaders, type IncomingMessage } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Role } from '../controller/controller.ts';
import { systemClock } from '../lib/clock.ts';
import { fakeController, type Fake } from './fake-controller.ts';
import type { IdempotencyRecord } from './idempotency.ts';
import { createApi, type Api, type ApiOptions } from './server.ts';
import { socketPath } from './sockets.ts';

/** The real API over real sockets with a fake controller behind it, for tests. */
export type TestApi = {
  readonly fake: Fake;
  readonly api: Api;
  readonly stateDir: string;
  readonly sockets: string;
  readonly kept: Map<string, IdempotencyRecord>;
  readonly bugs: unknown[];
  /** A server that takes the place of the one that was stopped, over the same store. */
  again(): Promise<void>;
  ask(role: Role, method: string, path: string, sent?: Sent): Promise<Got>;
  open(role: Role, path: string, headers?: Readonly<Record<string, string>>): Promise<IncomingMessage>;
  end(): Promise<void>;
};

export type Sent = {
  readonly body?: unknown;
  readonly bytes?: Uint8Array;
  readonly headers?: Readonly<Record<string, string>>;
};
export type Got = {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  // oxlint-disable-next-line typescript/no-explicit-any -- tests look into answers freely
  readonly body: any;
};

export async function testApi(options: Partial<ApiOptions> = {}): Promise<TestApi> {
  const stateDir = await mkdtemp(join(tmpdir(), 'bascule-api-'));
  const sockets = join(stateDir, 'sockets');
  const kept = new Map<string, IdempotencyRecord>();
  const bugs: unknown[] = [];
  const fake = fakeController();
  const create = () =>
    createApi({
      controller: fake.controller,
      idempotency: { get: (key) => kept.get(key) ?? null, put: (key, record) => kept.set(key, record) },
      socketDirectory: sockets,
      version: '0.1.0',
      clock: systemClock,
      onBug: (error) => bugs.push(error),
      ...options,
    });
  let api = create();
  await api.start();
  return {
    fake,
    stateDir,
    sockets,
    kept,
    bugs,
    get api() {
      return api;
    },
    again: async () => {
      api = create();
      await api.start();
    },
    ask: (role, method, path, sent = {}) => ask(socketPath(sockets, role), method, path, sent),
    open: (role, path, headers = {}) => open(socketPath(sockets, role), path, headers),
    end: async () => {
      await api.stop(500);
      await rm(stateDir, { recursive: true, force: true });
    },
  };
}

async function ask(path: string, method: string, url: string, sent: Sent): Promise<Got> {
  const json = sent.body === undefined ? undefined : Buffer.from(JSON.stringify(sent.body));
  const bytes = sent.bytes ?? json;
  const type = sent.bytes === undefined ? 'application/json' : 'application/octet-stream';
  const response = await new Promise<IncomingMessage>((resolve, reject) => {
    const asked = request({
      socketPath: path,
      method,
      path: `/api/v1${url}`,
      agent: false,
      headers: { ...(bytes !== undefined && { 'content-type': type }), ...sent.headers },
    });
    asked.once('error', reject);
    asked.once('response', resolve);
    asked.end(bytes);
  });
  let text = '';
  for await (const chunk of response.setEncoding('utf8')) text += chunk;
  const isJson =
    /json/.test(response.headers['content-type'] ?? '') &&
    !/ndjson/.test(response.headers['content-type'] ?? '');
  return {
    status: response.statusCode ?? 0,
    headers: response.headers,
    body: isJson && text !== '' ? JSON.parse(text) : text,
  };
}

function open(
  path: string,
  url: string,
  headers: Readonly<Record<string, string>>,
): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    const asked = request({ socketPath: path, path: `/api/v1${url}`, headers, agent: false });
    asked.once('error', reject);
    asked.once('response', resolve);
    asked.end();
  });
}
