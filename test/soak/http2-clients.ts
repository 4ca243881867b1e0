/** Clients of HTTP/2 over TLS: PORT, requests a second. Pages, forms, downloads and uploads that are checked, streams that are left. */
import { createHash, randomBytes } from 'node:crypto';
import { type ClientHttp2Session, type ClientHttp2Stream, connect, constants } from 'node:http2';
import { crc32 } from 'node:zlib';
import type { ClientReport } from './client-process.ts';
import { FaultTally } from './faults.ts';

const SESSIONS = 4;
const TIMEOUT_MS = 15_000;
const BYTES = 150_000;
const UPLOAD = randomBytes(BYTES);
const UPLOAD_SHA = createHash('sha256').update(UPLOAD).digest('hex');
const KINDS = ['page', 'page', 'page', 'page', 'form', 'download', 'upload', 'left'] as const;
type Kind = (typeof KINDS)[number];

const [port = 0, perSecond = 0] = process.argv.slice(2).map(Number);
const faults = new FaultTally();
const done: Record<string, number> = { sessions: 0 };
const sessions: (ClientHttp2Session | null)[] = Array.from({ length: SESSIONS }, () => null);
let underWay = 0;
let isDone: (() => void) | null = null;
let sent = 0;

function sessionAt(index: number): ClientHttp2Session {
  const present = sessions[index];
  if (present !== null && present !== undefined && !present.closed && !present.destroyed) return present;
  const session = connect(`https://127.0.0.1:${port}`, { rejectUnauthorized: false });
  session.on('error', (error) => faults.add(`session: ${error.message}`));
  // A server that says goodbye gets no more streams on this one.
  session.on('goaway', () => {
    if (sessions[index] === session) sessions[index] = null;
    session.close();
  });
  session.setMaxListeners(0);
  sessions[index] = session;
  done['sessions']!++;
  return session;
}

const PATHS: Readonly<Record<Kind, string>> = {
  page: '/product/tea',
  form: '/cart',
  download: `/download?bytes=${BYTES}&rate=${BYTES}`,
  upload: '/upload',
  left: `/download?bytes=${BYTES * 10}&rate=${BYTES}`,
};

function ask(kind: Kind): void {
  const isPost = kind === 'form' || kind === 'upload';
  const headers = { ':path': PATHS[kind], ':method': isPost ? 'POST' : 'GET' };
  const stream = sessionAt(sent % SESSIONS).request(headers, { endStream: !isPost });
  if (kind === 'form') stream.end('product=tea');
  if (kind === 'upload') stream.end(UPLOAD);
  underWay++;
  follow(kind, stream);
}

function follow(kind: Kind, stream: ClientHttp2Stream): void {
  let head: Record<string, unknown> = {};
  let bytes = 0;
  let crc = 0;
  let text = '';
  let ended = false;
  stream.setTimeout(TIMEOUT_MS, () => stream.close(constants.NGHTTP2_CANCEL));
  stream.on('response', (got) => (head = got));
  stream.on('error', () => undefined);
  stream.on('data', (chunk: Buffer) => {
    bytes += chunk.length;
    if (kind === 'download') crc = crc32(chunk, crc);
    if (kind === 'upload') text += chunk.toString();
    if (kind === 'left' && bytes > BYTES / 3) stream.close(constants.NGHTTP2_CANCEL);
  });
  stream.on('end', () => (ended = true));
  stream.on('close', () => {
    left();
    const seen = { isWhole: ended && stream.rstCode === 0, crc: crc.toString(16), bytes, text };
    const wrong = kind === 'left' && bytes > BYTES / 3 ? null : wrongWith(kind, head, seen);
    if (wrong === null) done[kind] = (done[kind] ?? 0) + 1;
    else faults.add(`HTTP/2 ${kind}: ${wrong} (code ${stream.rstCode}, ${bytes} bytes)`);
  });
}

type Seen = {
  readonly isWhole: boolean;
  readonly crc: string;
  readonly bytes: number;
  readonly text: string;
};

function wrongWith(kind: Kind, head: Record<string, unknown>, seen: Seen): string | null {
  if (head['x-version'] === undefined) return `status ${String(head[':status'])}, not of the application`;
  if (!seen.isWhole) return 'not whole';
  if (kind === 'download' && (seen.bytes !== BYTES || head['x-crc32'] !== seen.crc)) return 'other bytes';
  if (kind === 'upload' && seen.text !== JSON.stringify({ bytes: BYTES, sha256: UPLOAD_SHA }))
    return `other bytes: ${seen.text}`;
  return null;
}

const timer = setInterval(() => ask(KINDS[sent++ % KINDS.length]!), 1000 / perSecond);
process.once('message', () => void finish());
process.once('disconnect', () => process.exit());

async function finish(): Promise<void> {
  clearInterval(timer);
  await over();
  for (const session of sessions) session?.destroy();
  process.send!({ faults: faults.report(), done } satisfies ClientReport);
}

function left(): void {
  if (--underWay === 0) isDone?.();
}

function over(): Promise<void> {
  return underWay === 0 ? Promise.resolve() : new Promise((resolve) => (isDone = resolve));
}
