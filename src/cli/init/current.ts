import { formatAddress } from '../../lib/address.ts';
import { haproxySites, type HaproxySite } from './haproxy-site.ts';
import type { Listening, Look } from './look.ts';
import { nginxSites, type NginxSite } from './nginx-site.ts';

/** What serves today, as far as it can be seen. */
export type Current = {
  /** `http://127.0.0.1:8000`. */
  readonly url: string;
  /** How it is known. */
  readonly seenIn: string;
  /** Where a proxy in front of it names the address, `file:line`; that is what is to change. */
  readonly passedFrom: string | null;
  /** Name that clients use, where the proxy in front passes it on; null for any. */
  readonly host: string | null;
  /** Open connections; null where that cannot be seen. */
  readonly connections: number | null;
};

export type CurrentFindings = {
  /** Null where nothing serves, or it is not clear which of several belongs to this directory. */
  readonly chosen: Current | null;
  /** Why that one, or why none. Null where there is nothing to choose. */
  readonly why: string | null;
  readonly others: readonly Current[];
};

const HOST_NAME = /^[a-z0-9](?:[a-z0-9.-]*[a-z0-9])?$/u;

/**
 * What of the proxies and sockets of this machine belongs to the directory: an address that one of its own processes
 * holds, else a host name that says the name of the directory, else the only one there is.
 */
export function currentOf(look: Look): CurrentFindings {
  const sites = [
    ...nginxSites(look.nginx).flatMap(ofNginx),
    ...haproxySites(look.haproxy).flatMap(ofHaproxy),
  ];
  const own = look.listening.map(ofListening);
  const joined = sites.map((site) => withConnections(site, own));
  const held = joined.find(({ connections }) => connections !== null);
  const named = joined.filter((site) => site.seenIn.toLowerCase().includes(look.name.toLowerCase()));
  if (held !== undefined) return choice(held, joined, 'a process of this directory listens there');
  if (own[0] !== undefined) return choice(own[0], [...own, ...joined], 'it is a process of this directory');
  if (named.length === 1) return choice(named[0]!, joined, `it has the name ${look.name}`);
  if (joined.length === 1) return choice(joined[0]!, joined, 'it is the only site that passes requests on');
  if (joined.length === 0) return { chosen: null, why: null, others: [] };
  return { chosen: null, why: 'nothing shows which of them is this application', others: joined };
}

function choice(chosen: Current, all: readonly Current[], why: string): CurrentFindings {
  return { chosen, why, others: all.filter((one) => one !== chosen && one.url !== chosen.url) };
}

function withConnections(site: Current, own: readonly Current[]): Current {
  const same = own.find(({ url }) => portOf(url) === portOf(site.url) && isLocal(site.url));
  if (same === undefined) return site;
  return { ...site, seenIn: `${site.seenIn}; ${same.seenIn}`, connections: same.connections };
}

function portOf(url: string): string {
  return new URL(url).port || '80';
}

function isLocal(url: string): boolean {
  return ['127.0.0.1', 'localhost', '[::1]', '0.0.0.0'].includes(new URL(url).hostname);
}

function ofListening({ address, pid, command, connections }: Listening): Current {
  const host = address.host === '0.0.0.0' || address.host === '::' ? '127.0.0.1' : address.host;
  const seenIn = `pid ${pid} (${command}) listens there`;
  return {
    url: `http://${formatAddress({ ...address, host })}`,
    seenIn,
    passedFrom: null,
    host: null,
    connections,
  };
}

function ofNginx(site: NginxSite): readonly Current[] {
  const { proxyPass, serverNames, passesHost, file, line, location } = site;
  const [first] = proxyPass.addresses;
  const scheme = proxyPass.target.split(':')[0]!;
  const url = first === undefined ? null : urlOf(scheme, first.address);
  if (url === null || location !== '/') return [];
  const [name] = serverNames;
  const host = passesHost && serverNames.length === 1 && HOST_NAME.test(name!) ? name! : null;
  const names = serverNames.length === 0 ? '' : ` (${serverNames.join(' ')})`;
  const listens = site.listen.length === 0 ? '80' : site.listen.join(', ');
  const seenIn = `nginx${names} on ${listens}, ${file}:${line}`;
  return [{ url, seenIn, passedFrom: `${file}:${proxyPass.line}`, host, connections: null }];
}

function ofHaproxy({ file, line, frontend, binds, servers }: HaproxySite): readonly Current[] {
  const [first] = servers;
  const url = first === undefined ? null : urlOf('http', first.address);
  if (url === null) return [];
  const more = servers.length === 1 ? '' : `, the first of ${servers.length} servers`;
  const seenIn = `HAProxy (${frontend}) on ${binds.join(', ') || 'no address'}, ${file}:${line}${more}`;
  return [{ url, seenIn, passedFrom: `${file}:${first!.line}`, host: null, connections: null }];
}

/** Null for what is not an address of the network: a unix socket, a variable. */
function urlOf(scheme: string, address: string): string | null {
  const url = `${scheme}://${address}`;
  return /^[\w.-]+:\d+$|^\[[\da-f:]+\]:\d+$/iu.test(address) && URL.canParse(url) ? url : null;
}
