import { createHash, randomBytes } from 'node:crypto';
import { crc32 } from 'node:zlib';
import type { Connection, Failure } from './connection.ts';
import { Lane } from './lane.ts';
import type { Transfer } from './lane.ts';
import type { LoadOptions } from './options.ts';
import type { ResponseHead } from './parser.ts';
import type { Tally } from './tally.ts';

const PIECE_MS = 40;
const PAUSE_MS = 20;
const MAX_ANSWER = 1000;

/** Uploads at an even pace, with a length or chunked in turn; the application answers the digest of what came. */
export function uploadLanes(options: LoadOptions, tally: Tally): Lane[] {
  const content = randomBytes(options.transferBytes);
  const sha256 = createHash('sha256').update(content).digest('hex');
  let count = 0;
  const next = (): Transfer => upload({ options, tally, content, sha256, chunked: count++ % 2 === 1 });
  return lanes('upload', options.uploads, { options, tally, next, pauseMs: PAUSE_MS });
}

/** Downloads that the application paces, with a length or chunked, or that the client reads slowly, in turn. */
export function downloadLanes(options: LoadOptions, tally: Tally): Lane[] {
  let count = 0;
  const next = (): Transfer =>
    download(options, tally, (['length', 'chunked', 'reader'] as const)[count++ % 3]!);
  return lanes('download', options.downloads, { options, tally, next, pauseMs: PAUSE_MS });
}

function lanes(what: string, count: number, parts: ConstructorParameters<typeof Lane>[1]): Lane[] {
  return Array.from({ length: count }, () => new Lane(what, parts));
}

type Upload = {
  readonly options: LoadOptions;
  readonly tally: Tally;
  readonly content: Buffer;
  readonly sha256: string;
  readonly chunked: boolean;
};

function upload({ options, tally, content, sha256, chunked }: Upload): Transfer {
  const switches = tally.switches;
  let status = 0;
  let answer = '';
  return {
    method: 'POST',
    head: `POST /upload HTTP/1.1\r\n${chunked ? 'Transfer-Encoding: chunked' : `Content-Length: ${content.length}`}\r\n`,
    totalMs: options.transferMs * 3 + options.timeoutMs,
    send: (connection) => sendEvenly(connection, { content, chunked, overMs: options.transferMs }),
    answered: (head) => (status = head.status),
    body: (part) => {
      if (answer.length < MAX_ANSWER) answer += part.toString('latin1');
    },
    verdict: () => {
      if (status === 200 && answer === JSON.stringify({ bytes: content.length, sha256 })) return null;
      return {
        kind: 'corrupt',
        detail: `sent ${content.length} bytes, sha256 ${sha256}; answer ${status} ${answer}`,
      };
    },
    over: (ok) => note(tally.uploads, ok ? content.length : null, tally.switches > switches),
  };
}

type Body = { readonly content: Buffer; readonly chunked: boolean; readonly overMs: number };

function sendEvenly(connection: Connection, { content, chunked, overMs }: Body): () => void {
  const pieceBytes = Math.max(1, Math.ceil(content.length / Math.max(1, overMs / PIECE_MS)));
  let sent = 0;
  const timer = setInterval(() => {
    const piece = content.subarray(sent, sent + pieceBytes);
    sent += piece.length;
    if (!chunked) connection.write(piece);
    else if (piece.length > 0) {
      connection.write(`${piece.length.toString(16)}\r\n`);
      connection.write(piece);
      connection.write('\r\n');
    }
    if (sent < content.length) return;
    if (chunked) connection.write('0\r\n\r\n');
    clearInterval(timer);
  }, PIECE_MS);
  return () => clearInterval(timer);
}

function download(options: LoadOptions, tally: Tally, paced: 'length' | 'chunked' | 'reader'): Transfer {
  const { transferBytes, transferMs } = options;
  const switches = tally.switches;
  const rate = paced === 'reader' ? 0 : Math.max(1, Math.round((transferBytes * 1000) / transferMs));
  const query = `bytes=${transferBytes}&rate=${rate}${paced === 'chunked' ? '&chunked' : ''}`;
  let head: ResponseHead | null = null;
  let bytes = 0;
  let crc = 0;
  return {
    method: 'GET',
    head: `GET /download?${query} HTTP/1.1\r\n`,
    totalMs: transferMs * 3 + options.timeoutMs,
    answered: (answer) => (head = answer),
    body: (part, connection) => {
      bytes += part.length;
      crc = crc32(part, crc);
      if (paced === 'reader') connection.readLater((part.length * transferMs) / transferBytes);
    },
    verdict: (): Failure | null => {
      const told = head!.headers.get('x-crc32');
      if (head!.status === 200 && bytes === transferBytes && told === crc.toString(16)) return null;
      const came = `${head!.status}, ${bytes} bytes, crc ${crc.toString(16)}`;
      return { kind: 'corrupt', detail: `asked for ${transferBytes} bytes, crc ${told}; came ${came}` };
    },
    over: (ok) => note(tally.downloads, ok ? bytes : null, tally.switches > switches),
  };
}

/** A transfer that failed has no bytes, and is counted as a failure elsewhere. */
function note(counts: Tally['uploads'], bytes: number | null, spanned: boolean): void {
  if (bytes === null) return;
  counts.done++;
  counts.bytes += bytes;
  if (spanned) counts.spanned++;
}
