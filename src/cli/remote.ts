import { readFile, stat } from 'node:fs/promises';
import { resolve } from 'node:path';
import { messageOf, OperatingError } from '../lib/errors.ts';
import { socketOf, type Where } from './locate.ts';
import type { Io } from './io.ts';

/** How the server is reached. */
export type Address =
  | { readonly kind: 'socket'; readonly path: string; readonly token: string | null }
  | {
      readonly kind: 'network';
      readonly url: URL;
      readonly token: string;
      /** PEM; null: the authorities that this machine trusts. */
      readonly ca: string | null;
    };

const TOKEN = /^bsc_[0-9a-f]{8}_[0-9a-f]{64}$/;
const MOST_BYTES = 64 * 1024;

/** Where it is and who we are there. Errors: SERVER_UNREACHABLE, SOCKET_NOT_ALLOWED, TOKEN_UNREADABLE, TOKEN_MISSING, USAGE. */
export async function addressOf(where: Where, io: Io): Promise<Address> {
  const host = hostOf(where, io);
  const token = await tokenOf(io);
  if (host === null) return { kind: 'socket', path: await socketOf(where, io), token };
  const url = urlOf(host);
  if (token === null) {
    throw new OperatingError(
      'TOKEN_MISSING',
      `${url.origin} wants a token; nothing was done. Put it into BASCULE_TOKEN, or name its file in BASCULE_TOKEN_FILE.`,
      { retryable: false },
    );
  }
  const file = io.env['BASCULE_CA_FILE'] ?? '';
  const ca = file === '' ? null : await readText(resolve(io.cwd, file), 'BASCULE_CA_FILE', 'USAGE');
  return { kind: 'network', url, token, ca };
}

/** Where the server is, for messages. */
export function placeOf(address: Address): string {
  return address.kind === 'socket' ? address.path : address.url.origin;
}

export function unreachableThere(
  { url }: Extract<Address, { kind: 'network' }>,
  cause: unknown,
): OperatingError {
  const { code } = cause as NodeJS.ErrnoException;
  const isUntrusted =
    /^(?:DEPTH_ZERO_SELF_SIGNED_CERT|SELF_SIGNED_CERT_IN_CHAIN|UNABLE_TO_|CERT_|ERR_TLS_)/.test(code ?? '');
  const fix = isUntrusted
    ? 'Its certificate is not trusted here: name the PEM file of its authority in BASCULE_CA_FILE, and call it by a name in its certificate.'
    : 'See whether it runs, and whether "listeners" of its server file has this address.';
  return new OperatingError(
    'SERVER_UNREACHABLE',
    `No server answers at ${url.origin} (${messageOf(cause)}); nothing was done. ${fix}`,
    // What is not trusted now is not trusted in a moment either.
    { retryable: !isUntrusted, cause },
  );
}

/** `--host`, else BASCULE_HOST; a socket that is named is meant. */
export function hostOf(where: Where, io: Io): string | null {
  if (where.host !== undefined) return where.host;
  const named = io.env['BASCULE_HOST'] ?? '';
  return named === '' || where.socket !== undefined || where.stateDir !== undefined ? null : named;
}

function urlOf(host: string): URL {
  if (/^ssh:/i.test(host)) {
    throw new OperatingError(
      'NOT_THERE_YET',
      `--host ${host}: going over SSH is not there yet; nothing was done. Use https://…, or run the command there.`,
      { retryable: false },
    );
  }
  const url = URL.parse(host.includes('://') ? host : `https://${host}`);
  const isPlain = url !== null && url.pathname === '/' && url.search === '' && url.hash === '';
  if (!isPlain || (url.protocol !== 'https:' && url.protocol !== 'http:'))
    throw usage('--host takes the address of a server, such as https://deploy.example.com:8443.');
  if (url.username !== '' || url.password !== '')
    throw usage('--host takes no name and no password: the token says who you are.');
  const isHere = /^(?:localhost|127(?:\.\d+){3}|\[::1\])$/.test(url.hostname);
  if (url.protocol === 'http:' && !isHere)
    throw usage('--host http:// would show the token to everybody on the way: use https://.');
  return url;
}

async function tokenOf(io: Io): Promise<string | null> {
  const given = io.env['BASCULE_TOKEN'] ?? '';
  const file = io.env['BASCULE_TOKEN_FILE'] ?? '';
  if (given === '' && file === '') return null;
  const from = given === '' ? `The file that BASCULE_TOKEN_FILE names` : 'BASCULE_TOKEN';
  const text = given === '' ? await readPrivate(resolve(io.cwd, file)) : given;
  // Whatever it holds instead is not shown: it may be another secret.
  if (!TOKEN.test(text.trim())) throw unreadable(`${from} holds no token of Bascule (bsc_…)`);
  return text.trim();
}

async function readPrivate(path: string): Promise<string> {
  const text = await readText(path, 'BASCULE_TOKEN_FILE', 'TOKEN_UNREADABLE');
  const { mode } = await stat(path);
  if ((mode & 0o077) !== 0) throw unreadable(`${path} can be read by others than you: chmod 600 ${path}`);
  return text;
}

async function readText(path: string, variable: string, code: 'USAGE' | 'TOKEN_UNREADABLE'): Promise<string> {
  try {
    const found = await stat(path);
    if (!found.isFile() || found.size > MOST_BYTES) throw new Error('it is no file of a reasonable size');
    return await readFile(path, 'utf8');
  } catch (cause) {
    const why = (cause as NodeJS.ErrnoException).code === 'ENOENT' ? 'it is not there' : messageOf(cause);
    const said = `${variable} names ${path}, which cannot be read: ${why}`;
    throw code === 'USAGE' ? usage(`${said}.`) : unreadable(said);
  }
}

function unreadable(why: string): OperatingError {
  return new OperatingError('TOKEN_UNREADABLE', `${why}. Nothing was done.`, { retryable: false });
}

function usage(message: string): OperatingError {
  return new OperatingError('USAGE', `${message} Nothing was done.`, { retryable: false });
}
