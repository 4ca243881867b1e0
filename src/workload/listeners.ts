import { readFileSync, readdirSync, readlinkSync } from 'node:fs';
import type { Address } from '../lib/address.ts';
import { describePid, listPids } from './proc.ts';

/** A listening TCP socket of this machine. */
export type Listener = { readonly address: Address; readonly uid: number; readonly inode: string };

const ESTABLISHED = '01';
const LISTEN = '0A';

/** All listening sockets, IPv4 and IPv6, from /proc/net (proc_pid_net(5)). */
export function listListeners(): Listener[] {
  return tables().flatMap(parseListeners);
}

/** Connections to this port that are open right now, of whoever listens there. */
export function countConnections(port: number): number {
  const wanted = `:${port.toString(16).toUpperCase().padStart(4, '0')}`;
  return tables()
    .flatMap((text) => text.split('\n').map((line) => line.trim().split(/\s+/)))
    .filter((fields) => fields[3] === ESTABLISHED && fields[1]!.endsWith(wanted)).length;
}

/** The tables of the kernel, as text. */
function tables(): readonly string[] {
  return ['/proc/net/tcp', '/proc/net/tcp6'].flatMap((path) => {
    try {
      return [readFileSync(path, 'utf8')];
    } catch {
      return []; // no IPv6
    }
  });
}

export function parseListeners(text: string): Listener[] {
  return text
    .split('\n')
    .slice(1)
    .map((line) => line.trim().split(/\s+/))
    .filter((fields) => fields[3] === LISTEN)
    .map((fields) => {
      const [host, port] = fields[1]!.split(':');
      return {
        address: { host: parseHost(host!), port: Number.parseInt(port!, 16) },
        uid: Number(fields[7]),
        inode: fields[9]!,
      };
    });
}

/** What these processes listen on. */
export function listenersOf(pids: readonly number[]): Address[] {
  const inodes = new Set(pids.flatMap(socketInodes));
  return listListeners()
    .filter((listener) => inodes.has(listener.inode))
    .map((listener) => listener.address);
}

/** `pid 123 (python3 app.py)`, or what can be said about who holds a port; null when nobody listens on it. */
export function portHolder(port: number): string | null {
  const found = listListeners().filter((listener) => listener.address.port === port);
  if (found.length === 0) return null;
  const inodes = new Set(found.map((listener) => listener.inode));
  const pid = listPids().find((candidate) => socketInodes(candidate).some((inode) => inodes.has(inode)));
  return pid === undefined ? `a process of the user with uid ${found[0]!.uid}` : describePid(pid);
}

export type OwnedListener = Listener & { readonly pid: number | null };

/** All listening sockets with a process that holds each; null where that is another user's. */
export function listOwnedListeners(): readonly OwnedListener[] {
  const owners = new Map(
    listPids().flatMap((pid) => socketInodes(pid).map((inode) => [inode, pid] as const)),
  );
  return listListeners().map((listener) => ({ ...listener, pid: owners.get(listener.inode) ?? null }));
}

/** Whether a listener on `bound` answers connections to `wanted`. */
export function covers(bound: Address, wanted: Address): boolean {
  if (bound.port !== wanted.port) return false;
  // An IPv6 wildcard takes IPv4 too unless the program says otherwise, which /proc does not show.
  return (
    bound.host === wanted.host ||
    bound.host === '::' ||
    (bound.host === '0.0.0.0' && !wanted.host.includes(':'))
  );
}

function socketInodes(pid: number): string[] {
  try {
    return readdirSync(`/proc/${pid}/fd`).flatMap((fd) => socketInode(`/proc/${pid}/fd/${fd}`));
  } catch {
    return []; // gone, or of another user
  }
}

function socketInode(path: string): string[] {
  try {
    const match = /^socket:\[(\d+)\]$/.exec(readlinkSync(path));
    return match === null ? [] : [match[1]!];
  } catch {
    return [];
  }
}

/** Hexadecimal 32-bit words, each in the byte order of the machine (little-endian on all that Node supports). */
function parseHost(hex: string): string {
  const bytes = Buffer.from(hex, 'hex');
  bytes.swap32();
  if (bytes.length === 4) return bytes.join('.');
  if (bytes.subarray(0, 12).toString('hex') === '00000000000000000000ffff')
    return bytes.subarray(12).join('.');
  const groups = Array.from({ length: 8 }, (_, index) => bytes.readUInt16BE(index * 2).toString(16));
  return new URL(`http://[${groups.join(':')}]`).hostname.slice(1, -1);
}
