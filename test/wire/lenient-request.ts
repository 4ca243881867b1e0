import { type IncomingMessage, type ServerResponse, createServer } from 'node:http';
import { Duplex } from 'node:stream';
import type { ReadRequest } from './strict-request.ts';

/** What llhttp makes of the bytes when it is told to let everything pass that it can: the other of the two readers. */
export async function readLeniently(text: string): Promise<readonly ReadRequest[]> {
  const found: { req: IncomingMessage; body: string }[] = [];
  const server = createServer({
    insecureHTTPParser: true,
    requireHostHeader: false,
    shouldUpgradeCallback: () => false,
    maxHeaderSize: 1_000_000,
  });
  server.maxHeadersCount = 0;
  const take = (req: IncomingMessage, res: ServerResponse): void => {
    const each = { req, body: '' };
    found.push(each);
    req.setEncoding('latin1').on('data', (part: string) => (each.body += part));
    req.on('error', () => {});
    res.on('error', () => {});
    res.end();
  };
  for (const event of ['request', 'checkContinue', 'checkExpectation']) server.on(event, take);
  server.on('clientError', (_error, socket) => socket.destroy());
  server.on('connect', (req, socket) => {
    found.push({ req, body: '' });
    socket.destroy();
  });
  const socket = new Duplex({ read: () => {}, write: (_chunk, _encoding, done) => done() });
  const closed = new Promise((resolve) => socket.once('close', resolve));
  server.emit('connection', socket);
  socket.push(Buffer.from(text, 'latin1'));
  socket.push(null);
  await Promise.race([closed, new Promise((resolve) => setTimeout(resolve, 100))]);
  socket.destroy();
  return found.filter(({ req }) => req.complete).map(({ req, body }) => requestOf(req, body));
}

function requestOf({ method, url, rawHeaders }: IncomingMessage, body: string): ReadRequest {
  const headers: [string, string][] = [];
  for (let i = 0; i < rawHeaders.length; i += 2) headers.push([rawHeaders[i]!, rawHeaders[i + 1]!]);
  return { method: method!, target: url!, headers, body };
}
