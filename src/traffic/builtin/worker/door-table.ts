import type { RequestMatch } from '../../../release/request-match.ts';
import { type Told, meetsAll } from './match-check.ts';

/**
 * Which service a request is for: exact host before wildcard (one label more than its name) before any host, then the longest path
 * prefix, then whoever has more conditions, all of which it meets. Where the doors of one do not cover a request, the next is asked.
 */
export type DoorEntry<T> = {
  /** `address:port` of the listener. */
  readonly listener: string;
  readonly host: string | null;
  readonly path: string;
  /** Absent: every request is meant. */
  readonly when?: readonly RequestMatch[] | undefined;
  readonly value: T;
};

export type DoorTable<T> = ReadonlyMap<string, ListenerDoors<T>>;

type ListenerDoors<T> = {
  readonly byHost: ReadonlyMap<string, readonly DoorEntry<T>[]>;
  /** By what follows the star: `.example.com`. */
  readonly byDomain: ReadonlyMap<string, readonly DoorEntry<T>[]>;
  readonly anyHost: readonly DoorEntry<T>[];
};

/** In the order in which they are given where nothing else decides. */
export function doorTable<T>(entries: readonly DoorEntry<T>[]): DoorTable<T> {
  const table = new Map<string, Filling<T>>();
  for (const entry of [...entries].sort(byWeight)) {
    let doors = table.get(entry.listener);
    if (doors === undefined) {
      doors = { byHost: new Map(), byDomain: new Map(), anyHost: [] };
      table.set(entry.listener, doors);
    }
    const { host } = entry;
    if (host === null) doors.anyHost.push(entry);
    else if (host.startsWith('*.')) add(doors.byDomain, host.slice(1), entry);
    else add(doors.byHost, host, entry);
  }
  return table;
}

function byWeight(a: DoorEntry<unknown>, b: DoorEntry<unknown>): number {
  return b.path.length - a.path.length || (b.when?.length ?? 0) - (a.when?.length ?? 0);
}

type Filling<T> = {
  readonly byHost: Map<string, DoorEntry<T>[]>;
  readonly byDomain: Map<string, DoorEntry<T>[]>;
  readonly anyHost: DoorEntry<T>[];
};

function add<T>(doors: Map<string, DoorEntry<T>[]>, name: string, entry: DoorEntry<T>): void {
  const named = doors.get(name);
  if (named === undefined) doors.set(name, [entry]);
  else named.push(entry);
}

/** `host` as the client sent it, with or without port. */
export function findDoor<T>(doors: ListenerDoors<T>, host: string, told: Told): T | null {
  if (doors.byHost.size + doors.byDomain.size > 0) {
    const name = hostName(host);
    const found = foundIn(doors.byHost.get(name), told) ?? foundIn(domainOf(doors, name), told);
    if (found !== null) return found;
  }
  return longestPrefix(doors.anyHost, told);
}

function domainOf<T>({ byDomain }: ListenerDoors<T>, name: string): readonly DoorEntry<T>[] | undefined {
  const dot = byDomain.size === 0 ? -1 : name.indexOf('.');
  return dot <= 0 ? undefined : byDomain.get(name.slice(dot));
}

function foundIn<T>(entries: readonly DoorEntry<T>[] | undefined, told: Told): T | null {
  return entries === undefined ? null : longestPrefix(entries, told);
}

/** Lowercase, without port and without the root's trailing dot. */
export function hostName(host: string): string {
  const end = host.startsWith('[') ? host.indexOf(']') + 1 : host.indexOf(':');
  const name = (end > 0 ? host.slice(0, end) : host).toLowerCase();
  return name.endsWith('.') ? name.slice(0, -1) : name;
}

function longestPrefix<T>(entries: readonly DoorEntry<T>[], told: Told): T | null {
  for (const { path, when, value } of entries) {
    if (coversPath(path, told.target) && (when === undefined || meetsAll(told, when))) return value;
  }
  return null;
}

/** `/app` covers `/app`, `/app/x` and `/app?x`, not `/appointment`. */
export function coversPath(prefix: string, target: string): boolean {
  if (prefix === '/') return true;
  if (!target.startsWith(prefix)) return false;
  const next = target.charCodeAt(prefix.length);
  return Number.isNaN(next) || next === 0x2f || next === 0x3f || next === 0x23;
}
