/** Which service a request is for: exact host before any host, then the longest path prefix. */
export type DoorEntry<T> = {
  /** `address:port` of the listener. */
  readonly listener: string;
  readonly host: string | null;
  readonly path: string;
  readonly value: T;
};

export type DoorTable<T> = ReadonlyMap<string, ListenerDoors<T>>;

type ListenerDoors<T> = {
  readonly byHost: ReadonlyMap<string, readonly DoorEntry<T>[]>;
  readonly anyHost: readonly DoorEntry<T>[];
};

export function doorTable<T>(entries: readonly DoorEntry<T>[]): DoorTable<T> {
  const table = new Map<string, { byHost: Map<string, DoorEntry<T>[]>; anyHost: DoorEntry<T>[] }>();
  for (const entry of [...entries].sort((a, b) => b.path.length - a.path.length)) {
    let doors = table.get(entry.listener);
    if (doors === undefined) {
      doors = { byHost: new Map(), anyHost: [] };
      table.set(entry.listener, doors);
    }
    if (entry.host === null) {
      doors.anyHost.push(entry);
    } else {
      const named = doors.byHost.get(entry.host);
      if (named === undefined) doors.byHost.set(entry.host, [entry]);
      else named.push(entry);
    }
  }
  return table;
}

/** `host` as the client sent it, with or without port; `target` in origin form. */
export function findDoor<T>(doors: ListenerDoors<T>, host: string, target: string): T | null {
  if (doors.byHost.size > 0) {
    const named = doors.byHost.get(hostName(host));
    const found = named === undefined ? null : longestPrefix(named, target);
    if (found !== null) return found;
  }
  return longestPrefix(doors.anyHost, target);
}

/** Lowercase, without port and without the root's trailing dot. */
export function hostName(host: string): string {
  const end = host.startsWith('[') ? host.indexOf(']') + 1 : host.indexOf(':');
  const name = (end > 0 ? host.slice(0, end) : host).toLowerCase();
  return name.endsWith('.') ? name.slice(0, -1) : name;
}

function longestPrefix<T>(entries: readonly DoorEntry<T>[], target: string): T | null {
  for (const entry of entries) {
    if (coversPath(entry.path, target)) return entry.value;
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
