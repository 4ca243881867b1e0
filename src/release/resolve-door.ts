import { z } from 'zod';

import { DEFAULTS } from './presets.ts';
import { formatPath, type Path, type Problem } from './problem.ts';
import { resolveOverride } from './resolve-override.ts';
import type { ServiceInput } from './schema.ts';
import type { DoorSpec, ProxySpec, ServiceSpec } from './service.ts';
import { measure } from './values.ts';

export function resolveDoor(input: ServiceInput, path: Path, problems: Problem[]): DoorSpec {
  const host = input.host?.toLowerCase();
  const override = resolveOverride(input.override, [...path, 'override'], problems);
  return {
    listen: resolveListen(input.listen, [...path, 'listen'], problems),
    host: host === undefined || host === '*' ? null : host,
    path: trimPath(input.path ?? '/'),
    proxy: resolveProxy(input.proxy),
    drainMs: measure(input.drain, 'duration') ?? DEFAULTS.drainMs,
    streamGraceMs: measure(input['stream-grace'], 'duration') ?? DEFAULTS.streamGraceMs,
    trustForwarded: input['trust-forwarded'] ?? false,
    maxBodyBytes: measure(input['max-body'], 'size') ?? null,
    ...(input.preview === true && { preview: true }),
    ...(override !== undefined && { override }),
  };
}

/** A name alone is its block with nothing written in it. */
function resolveProxy(input: ServiceInput['proxy']): ProxySpec {
  if (input === undefined || input === 'builtin') return { kind: 'builtin' };
  if (input === 'nginx') return resolveNginx({});
  if (input === 'haproxy') return resolveHaproxy({});
  if ('nginx' in input) return resolveNginx(input.nginx);
  return 'haproxy' in input ? resolveHaproxy(input.haproxy) : { kind: 'builtin' };
}

type Blocks = Exclude<ServiceInput['proxy'], string | undefined>;

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
  if (a.listen.port !== b.listen.port || a.listen.port === 0) return null;
  if (a.listen.address === b.listen.address) {
    return a.host === b.host && a.path === b.path ? 'the same listen, host and path' : null;
  }
  const everywhere = EVERYWHERE.has(a.listen.address) || EVERYWHERE.has(b.listen.address);
  return everywhere ? 'one listens on every address, the other on one of them' : null;
}
