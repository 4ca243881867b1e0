import { readFile } from 'node:fs/promises';
import net from 'node:net';
import type { EmailConnection } from '../../release/notify-channel.ts';
import type { Channel, Sent } from '../channel.ts';
import { failure, type Reveal } from '../post.ts';
import { letterOf, type Letter } from './render.ts';

export type EmailParts = { readonly reveal: Reveal; readonly source: string };

/** Mail by SMTP. Beyond this machine only over TLS. */
export function emailChannel(connection: EmailConnection, { reveal, source }: EmailParts): Channel {
  const { name, kind, auth } = connection;
  return {
    name,
    kind,
    send: async (message, _thread, signal) => {
      const password = auth === null ? null : await reveal(auth.password);
      if (password !== null && typeof password !== 'string') return password;
      const limit = AbortSignal.any([signal, AbortSignal.timeout(connection.timeoutMs)]);
      try {
        await hand(letterOf(message, source), connection, { password, limit });
        return { ok: true, thread: null };
      } catch (error) {
        return limit.aborted
          ? failure(`${placeOf(connection)} did not take it within ${connection.timeoutMs}ms`, {
              again: true,
            })
          : failed(error, connection);
      }
    },
  };
}

/** The socket is ours, so that it ends in time, whatever the other side does with it. */
async function hand(
  letter: Letter,
  { server, auth, from, to, caFile, timeoutMs }: EmailConnection,
  { password, limit }: { readonly password: string | null; readonly limit: AbortSignal },
): Promise<void> {
  const { createTransport } = await import('nodemailer');
  const ca = caFile === null ? null : await readFile(caFile, 'utf8');
  const socket = await connected(server, limit);
  const end = (): void => void socket.destroy();
  limit.addEventListener('abort', end);
  try {
    const transport = createTransport({
      host: server.host,
      port: server.port,
      connection: socket,
      secure: server.tls === 'at-once',
      requireTLS: server.tls === 'starttls' && !isHere(server.host),
      tls: { servername: server.host, ...(ca !== null && { ca }) },
      ...(auth !== null && password !== null && { auth: { user: auth.user, pass: password } }),
      // Ours ends first.
      greetingTimeout: 2 * timeoutMs,
      socketTimeout: 2 * timeoutMs,
      disableFileAccess: true,
      disableUrlAccess: true,
    });
    const { subject, text, messageId, inReplyTo } = letter;
    const mail = {
      from,
      to: [...to],
      subject,
      text,
      messageId,
      headers: { 'Auto-Submitted': 'auto-generated' },
    };
    await transport.sendMail({ ...mail, ...(inReplyTo !== null && { inReplyTo, references: inReplyTo }) });
  } finally {
    limit.removeEventListener('abort', end);
    socket.destroy();
  }
}

function connected({ host, port }: EmailConnection['server'], limit: AbortSignal): Promise<net.Socket> {
  return new Promise((resolve, reject) => {
    if (limit.aborted) {
      reject(new Error('too late'));
      return;
    }
    const socket = net.connect({ host, port });
    const late = (): void => void socket.destroy(new Error('too late'));
    limit.addEventListener('abort', late);
    const over = (): void => limit.removeEventListener('abort', late);
    // It stays: what goes wrong later, while nobody else listens, must not end the server.
    socket.on('error', (error) => {
      over();
      reject(error);
    });
    socket.once('connect', () => {
      over();
      resolve(socket);
    });
  });
}

function isHere(host: string): boolean {
  return host === 'localhost' || host.startsWith('127.');
}

/** Codes alone: what the server said may quote what it was sent. */
function failed(error: unknown, connection: EmailConnection): Sent {
  const { code, responseCode } = error as { readonly code?: unknown; readonly responseCode?: unknown };
  const status = typeof responseCode === 'number' ? responseCode : null;
  const answered = status === null ? '' : `, it answered ${status}`;
  const word = typeof code === 'string' ? code : 'an error';
  // 5xx is for good; everything else may pass (RFC 5321, 4.2.1).
  const again = status === null || status < 500;
  const why = `${placeOf(connection)} did not take it: ${word}${answered}`;
  return { ...failure(why, { again }), ...(status !== null && { status }) };
}

function placeOf({ server: { host, port } }: EmailConnection): string {
  return `${host}:${port}`;
}
