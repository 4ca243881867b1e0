import { z } from 'zod';

import { sharedHost } from './door-hosts.ts';
import { DEFAULTS } from './presets.ts';
import { formatPath, type Path, type Problem } from './problem.ts';
import { refuseOverrideInLog, resolveAccessLog } from './resolve-access-log.ts';
import { resolveNetworks, resolveOverride } from './resolve-override.ts';
import { refuseAcme, resolveTls } from './resolve-acme.ts';
import { resolveMatches } from './resolve-match.ts';
import { resolveResilience } from './resolve-resilience.ts';
import type { ServiceInput } from './schema.ts';
import { type DoorSpec, isSecureBuiltin, type ProxySpec, type ServiceSpec } from './service.ts';
import { measure } from './values.ts';

export function resolveDoor(input: ServiceInput, path: Path, problems: Problem[]): DoorSpec {
  const host = input.host?.toLowerCase();
  const override = resolveOverride(input.override, [...path, 'override'], problems);
  const listen = resolveListen(input.listen, [...path, 'listen'], problems);
  const proxy = resolveProxy(input.proxy, [...path, 'proxy'], problems);
  if (proxy.kind === 'builtin' && proxy.redirectFrom === listen.port) {
    problems.push({
      code: 'E024',
      path: [...path, 'proxy', 'builtin', 'redirect-http'],
      at: 'value',
      message: 'redirect-http must be another port than listen',
      note: `${listen.port} speaks HTTPS`,
      fix: null,
    });
  }
  if (proxy.kind === 'builtin' && proxy.accessLog !== undefined) {
    const at = [...path, 'proxy', 'builtin', 'access-log'];
    refuseOverrideInLog(proxy.accessLog, override, { path: at, problems });
  }
  if (proxy.kind === 'builtin' && proxy.redirectHosts !== undefined)
    refuseRedirectHosts(proxy.redirectHosts, host, {
      path: [...path, 'proxy', 'builtin', 'redirect-hosts'],
      problems,
    });
  if (proxy.kind === 'builtin' && proxy.acme !== undefined)
    refuseAcme(proxy, host, { path: [...path, 'proxy', 'builtin', 'tls'], problems });
  const stripped = trimPath(input.path ?? '/');
  if (proxy.kind === 'builtin' && proxy.stripPath === true && stripped === '/') {
    problems.push({
      code: 'E007',
      path: [...path, 'proxy', 'builtin', 'strip-path'],
      at: 'key',
      message: 'strip-path takes path off, and path is missing',
      note: 'there is nothing to take off /',
      fix: 'add path: /shop, or leave it out',
    });
  }
  if (host?.startsWith('*.') === true && proxy.kind !== 'builtin') {
    problems.push({
      code: 'E025',
      path: [...path, 'host'],
      at: 'value',
      message: `host must be one name with ${proxy.kind}`,
      note: 'only the built-in proxy knows wildcards here',
      fix: null,
    });
  }
  return {
    listen,
    host: host === undefined || host === '*' ? null : host,
    path: stripped,
    proxy,
    drainMs: measure(input.drain, 'duration') ?? DEFAULTS.drainMs,
    streamGraceMs: measure(input['stream-grace'], 'duration') ?? DEFAULTS.streamGraceMs,
    trustForwarded: input['trust-forwarded'] ?? false,
    maxBodyBytes: measure(input['max-body'], 'size') ?? null,
    ...(input.preview === true && { preview: true }),
    ...(override !== undefined && { override }),
  };
}

function refuseRedirectHosts(
  hosts: readonly string[],
  host: string | undefined,
  { path, problems }: { readonly path: Path; readonly problems: Problem[] },
): void {
  const isOne = host !== undefined && !host.startsWith('*');
  if (isOne && !hosts.includes(host)) return;
  problems.push({
    code: 'E025',
    path,
    at: 'key',
    message: 'redirect-hosts needs a host to send clients to',
    note: isOne ? `${host} would be sent to itself` : 'host is not one name',
    fix: isOne ? `take ${host} out of the list` : 'add host: shop.example.com, or leave it out',
  });
}

/** A name alone is its block with nothing written in it. */
function resolveProxy(input: ServiceInput['proxy'], path: Path, problems: Problem[]): ProxySpec {
  if (input === undefined || input === 'builtin') return { kind: 'builtin' };
  if (input === 'nginx') return resolveNginx({});
  if (input === 'haproxy') return resolveHaproxy({});
  if ('nginx' in input) return resolveNginx(input.nginx);
  if ('haproxy' in input) return resolveHaproxy(input.haproxy);
  return resolveBuiltin(input.builtin, [...path, 'builtin'], problems);
}

type Blocks = Exclude<ServiceInput['proxy'], string | undefined>;

function resolveBuiltin(
  block: Extract<Blocks, { builtin: unknown }>['builtin'],
  path: Path,
  problems: Problem[],
): ProxySpec {
  const { tls, 'redirect-http': redirectFrom, 'access-log': log } = block;
  const hosts = block['redirect-hosts'];
  const traces = measure(block['start-traces'], 'percent');
  if (redirectFrom !== undefined && tls === undefined) {
    problems.push({
      code: 'E007',
      path: [...path, 'redirect-http'],
      at: 'key',
      message: 'redirect-http sends clients to HTTPS, and tls is missing',
      note: 'this service has plain HTTP only',
      fix: 'add tls: {certificate: …, key: …} beside it, or leave it out',
    });
  }
  const networks = (name: 'proxy-protocol' | 'allow' | 'deny'): readonly string[] | undefined =>
    block[name] === undefined
      ? undefined
      : resolveNetworks(block[name], { name, path: [...path, name] }, problems);
  const matches = (name: 'when' | 'candidate-for') =>
    block[name] === undefined ? undefined : resolveMatches(block[name], [...path, name], problems);
  const [when, candidateFor] = [matches('when'), matches('candidate-for')];
  const [proxies, allow, deny] = [networks('proxy-protocol'), networks('allow'), networks('deny')];
  return {
    kind: 'builtin',
    ...(proxies !== undefined && { proxies }),
    ...(allow !== undefined && { allow }),
    ...(deny !== undefined && { deny }),
    ...resolveTls(tls),
    ...(redirectFrom !== undefined && { redirectFrom }),
    ...(hosts !== undefined && { redirectHosts: [...new Set(hosts.map((one) => one.toLowerCase()))] }),
    ...(block['strip-path'] === true && { stripPath: true }),
    ...(when !== undefined && { when }),
    ...(candidateFor !== undefined && { candidateFor }),
    ...(block.protocol === 'h2c' && { protocol: 'h2c' }),
    ...(log !== undefined && { accessLog: resolveAccessLog(log, [...path, 'access-log'], problems) }),
    ...(traces !== undefined && { startTracesPercent: traces }),
    ...(block['server-timing'] === true && { serverTiming: true }),
    ...resolveResilience(block, path, problems),
  };
}

function resolveNginx(block: Extract<Blocks, { nginx: unknown }>['nginx']): ProxySpec {
  return {
    kind: 'nginx',
    managed: block.managed ?? false,
    mode: block.mode ?? 'file',
    directory: block.directory ?? DEFAULTS.nginxDirectory,
    tls: block.tls ?? null,
    include: block.include ?? null,
    connectTimeoutMs: measure(block['connect-timeout'], 'duration') ?? DEFAULTS.connectTimeoutMs,
    readTimeoutMs: measure(block['read-timeout'], 'duration') ?? DEFAULTS.readTimeoutMs,
  };
}

function resolveHaproxy(block: Extract<Blocks, { haproxy: unknown }>['haproxy']): ProxySpec {
  return {
    kind: 'haproxy',
    managed: block.managed ?? false,
    directory: block.directory ?? DEFAULTS.haproxyDirectory,
    socket: block.socket ?? DEFAULTS.haproxySocket,
    log: block.log ?? DEFAULTS.haproxyLog,
    tls: block.tls ?? null,
    connectTimeoutMs: measure(block['connect-timeout'], 'duration') ?? DEFAULTS.connectTimeoutMs,
    readTimeoutMs: measure(block['read-timeout'], 'duration') ?? DEFAULTS.readTimeoutMs,
  };
}

/** `/a/b/` and `/a/b` are one prefix. */
function trimPath(path: string): string {
  return path === '/' ? '/' : path.replace(/\/$/, '');
}

/** Undefined only where the schema has refused `listen` already. */
function resolveListen(
  input: ServiceInput['listen'] | undefined,
  path: Path,
  problems: Problem[],
): DoorSpec['listen'] {
  if (input === undefined || typeof input === 'number')
    return { address: DEFAULTS.listenAddress, port: input ?? 0 };
  const text = typeof input === 'string';
  const colon = text ? input.lastIndexOf(':') : 0;
  const written = text ? input.slice(0, colon) : (input.address ?? '*');
  const port = text ? Number(input.slice(colon + 1)) : input.port;
  const address = ipAddress(written.replace(/^\[|\]$/g, ''));
  if (address === null || port < 1 || port > 65_535) {
    const note = address === null ? `${written} is not an IP address` : 'a port is from 1 to 65535';
    const where = text || address !== null ? path : [...path, 'address'];
    problems.push({
      code: 'E024',
      path: where,
      at: 'value',
      message: 'listen must be an address of this machine and a port',
      note,
      fix: null,
    });
  }
  return { address: address ?? DEFAULTS.listenAddress, port };
}

function ipAddress(text: string): string | null {
  if (text === '*') return DEFAULTS.listenAddress;
  if (text === 'localhost') return '127.0.0.1';
  if (z.ipv4().safeParse(text).success) return text;
  return z.ipv6().safeParse(text).success ? text.toLowerCase() : null;
}

const EVERYWHERE = new Set(['0.0.0.0', '::']);

/** Two services of one file that would answer the same requests, or whose listeners exclude each other. */
export function doorConflicts(services: readonly ServiceSpec[]): Problem[] {
  const problems: Problem[] = [];
  for (const [index, service] of services.entries()) {
    const other = services.slice(0, index).find((earlier) => conflict(earlier.door, service.door) !== null);
    if (other === undefined) continue;
    const note = conflict(other.door, service.door)!;
    problems.push({
      code: 'E027',
      path: ['services', service.name, 'listen'],
      at: 'key',
      message: `${service.name} and ${other.name} share one door`,
      note,
      fix: `give them different hosts, paths or ports; ${formatPath(['services', other.name])} keeps its own`,
    });
  }
  return problems;
}

function conflict(a: DoorSpec, b: DoorSpec): string | null {
  if (redirectOf(a) === b.listen.port || redirectOf(b) === a.listen.port)
    return 'redirect-http of one is listen of the other';
  if (a.listen.port !== b.listen.port || a.listen.port === 0) return null;
  if (a.listen.address === b.listen.address) {
    const shared = sharedHost(a, b);
    if (shared !== undefined)
      return a.host === b.host
        ? `the same listen, host and path${hasConditions(a) ? ', and the same when' : ''}`
        : `the same listen and path, both with ${shared}`;
    return isSecureBuiltin(a.proxy) === isSecureBuiltin(b.proxy)
      ? null
      : 'one has tls and the other has not, on the same listen';
  }
  const everywhere = EVERYWHERE.has(a.listen.address) || EVERYWHERE.has(b.listen.address);
  return everywhere ? 'one listens on every address, the other on one of them' : null;
}

function hasConditions({ proxy }: DoorSpec): boolean {
  return proxy.kind === 'builtin' && proxy.when !== undefined;
}

function redirectOf({ proxy }: DoorSpec): number | null {
  return proxy.kind === 'builtin' ? (proxy.redirectFrom ?? null) : null;
}
