import { randomUUID } from 'node:crypto';
import type { Socket } from 'node:net';
import { OperatingError } from '../lib/errors.ts';
import { problemOf } from './problem.ts';
import { SECURITY_HEADERS } from './security-headers.ts';

/** What is no HTTP, or took too long to become it, gets a problem as well, and the connection ends. */
export function refuseMalformed(error: Error & { readonly code?: string }, socket: Socket): void {
  if (!socket.writable || error.code === 'ECONNRESET') {
    socket.destroy();
    return;
  }
  const { status, ...problem } = problemOf(meaningOf(error.code));
  const body = JSON.stringify({ ...problem, status, requestId: randomUUID(), now: null });
  const headers = {
    ...SECURITY_HEADERS,
    'content-type': 'application/problem+json; charset=utf-8',
    'content-length': String(Buffer.byteLength(body)),
    connection: 'close',
  };
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
  socket.end(`HTTP/1.1 ${status} ${REASONS[status] ?? 'Bad Request'}\r\n${lines.join('')}\r\n${body}`);
  // Who goes on sending does not keep the connection.
  socket.destroySoon();
}

const REASONS: Readonly<Record<number, string>> = {
  408: 'Request Timeout',
  431: 'Request Header Fields Too Large',
};

function meaningOf(code: string | undefined): OperatingError {
  if (code === 'ERR_HTTP_REQUEST_TIMEOUT')
    return new OperatingError('REQUEST_TOO_SLOW', 'The request did not come in time; nothing changed.', {
      retryable: true,
    });
  if (code === 'HPE_HEADER_OVERFLOW')
    return new OperatingError('HEAD_TOO_LARGE', 'The head of the request is too large; nothing changed.', {
      retryable: false,
    });
  return new OperatingError('REQUEST_INVALID', 'This is no request of HTTP/1.1; nothing changed.', {
    retryable: false,
  });
}
