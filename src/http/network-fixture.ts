import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { request, type IncomingMessage } from 'node:http';
import { request as tlsRequest } from 'node:https';
import { connect, createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Role } from '../controller/controller.ts';
import type { Listener } from '../controller/listener-entry.ts';
import { testApi, type Got, type Sent, type TestApi } from './api-fixture.ts';
import type { ApiOptions } from './server.ts';

/** The real API on a real address of this machine, with tokens. */
export type NetworkApi = {
  readonly api: TestApi;
  readonly port: number;
  readonly host: string;
  readonly notes: string[];
  /** The token itself. */
  token(name: string, role: Role, services?: readonly string[]): Promise<string>;
  ask(token: string | null, method: string, path: string, sent?: Sent): Promise<Got>;
  /** The head of the answer; the rest is left alone. */
  head(token: string, method: string, path: string): Promise<IncomingMessage>;
  /** Bytes as they are, until the server closes. `slowly` sends one more byte every so many ms until then. */
  talk(bytes: string, slowly?: { readonly byte: string; readonly everyMs: number }): Promise<string>;
  end(): Promise<void>;
};

const ADMIN = { actor: 'test', role: 'admin' as const };
const DAY_MS = 86_400_000;

export async function networkApi(
  options: Partial<ApiOptions> = {},
  listener: Partial<Listener> = {},
): Promise<NetworkApi> {
  const port = await freePort();
  const notes: string[] = [];
  const whole: Listener = { address: '127.0.0.1', port, tls: null, names: [], ...listener };
  const api = await testApi({ listeners: [whole], onNote: (note) => notes.push(note), ...options });
  const host = `127.0.0.1:${port}`;
  const send = (token: string | null, method: string, path: string, sent: Sent = {}) =>
    begin({ port, tls: whole.tls }, { token, method, path, sent });
  return {
    api,
    port,
    host,
    notes,
    token: async (name, role, services) => {
      const ask = { name, role, services: services ?? null, forMs: DAY_MS };
      return (await api.fake.controller.people.createToken(ask, ADMIN)).text;
    },
    ask: async (token, method, path, sent) => read(await send(token, method, path, sent)),
    head: async (token, method, path) => {
      const response = await send(token, method, path);
      response.destroy();
      return response;
    },
    talk: (bytes, slowly) => talk(port, bytes, slowly),
    end: () => api.end(),
  };
}

type Asked = {
  readonly token: string | null;
  readonly method: string;
  readonly path: string;
  readonly sent: Sent;
};

async function begin(
  { port, tls }: { readonly port: number; readonly tls: Listener['tls'] },
  { token, method, path, sent }: Asked,
): Promise<IncomingMessage> {
  const json = sent.body === undefined ? undefined : Buffer.from(JSON.stringify(sent.body));
  const bytes = sent.bytes ?? json;
  const type = sent.bytes === undefined ? 'application/json' : 'application/octet-stream';
  const asked = (tls === null ? request : tlsRequest)({
    host: '127.0.0.1',
    port,
    method,
    path: path.startsWith('//') ? path.slice(1) : `/api/v1${path}`,
    agent: false,
    // Tests ask by other names as well.
    ...(tls !== null && { ca: readFileSync(tls.certificate), checkServerIdentity: () => undefined }),
    headers: {
      ...(bytes !== undefined && { 'content-type': type }),
      ...(token !== null && { authorization: `Bearer ${token}` }),
      ...sent.headers,
    },
  });
  const answered = new Promise<IncomingMessage>((resolve, reject) => {
    asked.once('error', reject);
    asked.once('response', (response) => {
      // Who is refused before the body was read does not get to send it.
      asked.on('error', () => undefined);
      resolve(response);
    });
  });
  asked.end(bytes);
  return answered;
}

async function read(response: IncomingMessage): Promise<Got> {
  let text = '';
  for await (const chunk of response.setEncoding('utf8')) text += chunk;
  const type = response.headers['content-type'] ?? '';
  const isJson = /json/.test(type) && !/ndjson/.test(type);
  return {
    status: response.statusCode ?? 0,
    headers: response.headers,
    body: isJson && text !== '' ? JSON.parse(text) : text,
  };
}

function talk(
  port: number,
  bytes: string,
  slowly?: { readonly byte: string; readonly everyMs: number },
): Promise<string> {
  return new Promise((resolve) => {
    let text = '';
    let timer: NodeJS.Timeout | undefined;
    const socket = connect(port, '127.0.0.1', () => {
      socket.write(bytes, 'latin1');
      // Not before: on a busy machine its bytes would come first.
      if (slowly !== undefined) timer = setInterval(() => socket.write(slowly.byte), slowly.everyMs);
    });
    socket.setEncoding('utf8').on('data', (chunk: string) => {
      text += chunk;
    });
    socket.on('error', () => undefined);
    socket.on('close', () => {
      clearInterval(timer);
      resolve(text);
    });
  });
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  await once(server.close(), 'close');
  return port;
}

export type Certificate = { readonly certificate: string; readonly key: string; readonly remove: () => void };

/** A certificate for these names that signs itself. `names`: as openssl writes them, `DNS:localhost,IP:127.0.0.1`. */
export function selfSigned(names: string): Certificate {
  const directory = mkdtempSync(join(tmpdir(), 'bascule-tls-'));
  const [certificate, key] = [join(directory, 'cert.pem'), join(directory, 'key.pem')];
  const made = `req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=bascule -keyout ${key} -out ${certificate} -addext`;
  execFileSync('openssl', [...made.split(' '), `subjectAltName=${names}`], { stdio: 'ignore' });
  return { certificate, key, remove: () => rmSync(directory, { recursive: true, force: true }) };
}
