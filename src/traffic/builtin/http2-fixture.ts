import {
  type ClientHttp2Session,
  type ClientHttp2Stream,
  type IncomingHttpHeaders,
  type OutgoingHttpHeaders,
  type SecureClientSessionOptions,
  connect,
} from 'node:http2';

export function openSession(
  port: number,
  options: SecureClientSessionOptions = {},
): Promise<ClientHttp2Session> {
  return new Promise((resolve, reject) => {
    const session = connect(`https://127.0.0.1:${port}`, { rejectUnauthorized: false, ...options }, () =>
      resolve(session),
    );
    session.once('error', reject);
    session.on('error', () => {});
  });
}

export type Http2Reply = {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
  readonly trailers: IncomingHttpHeaders;
};

/** One request on a session; rejects when the stream does not end properly. */
export function ask(
  session: ClientHttp2Session,
  headers: OutgoingHttpHeaders = {},
  body?: string | Buffer,
): Promise<Http2Reply> {
  const stream = session.request({ ':path': '/', ...headers }, { endStream: body === undefined });
  if (body !== undefined) stream.end(body);
  return replyOn(stream);
}

export function replyOn(stream: ClientHttp2Stream): Promise<Http2Reply> {
  return new Promise((resolve, reject) => {
    let headers: IncomingHttpHeaders = {};
    let trailers: IncomingHttpHeaders = {};
    const chunks: Buffer[] = [];
    stream.on('response', (got) => (headers = got));
    stream.on('trailers', (got) => (trailers = got));
    stream.on('data', (chunk: Buffer) => chunks.push(chunk));
    stream.on('error', reject);
    stream.on('close', () => {
      if (stream.rstCode !== 0) {
        reject(new Error(`the stream ended with code ${stream.rstCode}`));
        return;
      }
      const status = Number(headers[':status']);
      resolve({ status, headers, body: Buffer.concat(chunks).toString(), trailers });
    });
  });
}

export const FRAME = { data: 0, headers: 1, reset: 3, settings: 4, ping: 6, goaway: 7 } as const;
const END_STREAM = 1;
const END_HEADERS = 4;

/** One frame as it is on the wire (RFC 9113, section 4.1). */
export function frame(type: number, stream = 0, payload: Buffer = Buffer.alloc(0), flags = 0): Buffer {
  const head = Buffer.alloc(9);
  head.writeUIntBE(payload.length, 0, 3);
  head[3] = type;
  head[4] = flags;
  head.writeUInt32BE(stream, 5);
  return Buffer.concat([head, payload]);
}

/** What a client begins with. */
export const HELLO = Buffer.concat([Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'), frame(FRAME.settings)]);

/** The head of a request: method and scheme out of the static table, the rest literal (RFC 7541). */
export function headFrame(stream: number, method: 'GET' | 'POST', path: string): Buffer {
  const block = [
    Buffer.from([method === 'GET' ? 0x82 : 0x83, 0x87, 0x04]),
    text(path),
    Buffer.from([0x01]),
    text('raw.test'),
  ];
  return frame(
    FRAME.headers,
    stream,
    Buffer.concat(block),
    END_HEADERS | (method === 'GET' ? END_STREAM : 0),
  );
}

function text(value: string): Buffer {
  return Buffer.from([value.length, ...Buffer.from(value)]);
}

export function resetFrame(stream: number, code: number): Buffer {
  const payload = Buffer.alloc(4);
  payload.writeUInt32BE(code);
  return frame(FRAME.reset, stream, payload);
}
