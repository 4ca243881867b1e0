import { formatDuration } from '../lib/duration.ts';
import type { Path, Problem } from './problem.ts';
import {
  type ErrorPageFiles,
  type ListenerLimits,
  type OutlierRules,
  PAGE_KINDS,
  type PageKind,
  type PerReplica,
  type Timeouts,
  USUAL_OUTLIERS,
  USUAL_PER_REPLICA,
  USUAL_TIMEOUTS,
} from './resilience.ts';
import type { ResilienceInput } from './schema-resilience.ts';
import type { BuiltinProxy } from './service.ts';
import { measure } from './values.ts';

type Resilience = Pick<BuiltinProxy, 'perReplica' | 'outliers' | 'timeouts' | 'limits' | 'errorPages'>;

/** What the file says nothing of is absent, so that digests of before hold. */
export function resolveResilience(input: ResilienceInput, path: Path, problems: Problem[]): Resilience {
  const { timeouts, limits, 'per-replica': perReplica, 'error-pages': pages } = input;
  const outliers = input['outlier-detection'];
  return {
    ...(perReplica !== undefined && {
      perReplica: resolvePerReplica(perReplica, [...path, 'per-replica'], problems),
    }),
    ...(outliers !== undefined && {
      outliers: resolveOutliers(outliers, [...path, 'outlier-detection'], problems),
    }),
    ...(timeouts !== undefined && { timeouts: resolveTimeouts(timeouts) }),
    ...(limits !== undefined && { limits: resolveLimits(limits) }),
    ...(pages !== undefined && {
      errorPages: resolvePages(pages, [...path, 'error-pages'], problems),
    }),
  };
}

function resolvePerReplica(
  input: NonNullable<ResilienceInput['per-replica']>,
  path: Path,
  problems: Problem[],
): PerReplica {
  const usual = USUAL_PER_REPLICA;
  for (const key of ['max-queue', 'queue-timeout'] as const) {
    if (input[key] === undefined || input['max-requests'] !== undefined) continue;
    problems.push({
      code: 'E007',
      path: [...path, key],
      at: 'key',
      message: `${key} is about requests past max-requests, which is missing`,
      note: 'without a bound nobody waits',
      fix: 'add max-requests beside it, or leave it out',
    });
  }
  return {
    maxRequests: input['max-requests'] ?? usual.maxRequests,
    maxQueue: input['max-queue'] ?? usual.maxQueue,
    queueTimeoutMs: measure(input['queue-timeout'], 'duration') ?? usual.queueTimeoutMs,
    slowStartMs: measure(input['slow-start'], 'duration') ?? usual.slowStartMs,
  };
}

function resolveOutliers(
  input: NonNullable<ResilienceInput['outlier-detection']>,
  path: Path,
  problems: Problem[],
): OutlierRules {
  const usual = USUAL_OUTLIERS;
  const { 'consecutive-gateway-failures': ofGateway, 'consecutive-5xx': ofAll = null } = input;
  const baseMs = measure(input['base-ejection-time'], 'duration') ?? usual.baseMs;
  const maxMs = measure(input['max-ejection-time'], 'duration') ?? Math.max(usual.maxMs, baseMs);
  if (maxMs < baseMs) {
    problems.push({
      code: 'E020',
      path: [...path, 'max-ejection-time'],
      at: 'value',
      message: 'max-ejection-time must be at least base-ejection-time',
      note: `that is ${formatDuration(baseMs)}`,
      fix: null,
    });
  }
  const gateway = ofGateway ?? (ofAll === null ? usual.consecutiveGatewayFailures : null);
  return { consecutiveGatewayFailures: gateway, consecutive5xx: ofAll, baseMs, maxMs };
}

function resolveTimeouts(input: NonNullable<ResilienceInput['timeouts']>): Timeouts {
  const usual = USUAL_TIMEOUTS;
  const ms = (key: keyof typeof input): number | undefined => measure(input[key], 'duration');
  return {
    connectMs: ms('connect') ?? usual.connectMs,
    responseHeadMs: ms('response-head') ?? usual.responseHeadMs,
    responseIdleMs: ms('response-idle') ?? usual.responseIdleMs,
    requestIdleMs: ms('request-idle') ?? usual.requestIdleMs,
    requestHeadMs: ms('request-head') ?? usual.requestHeadMs,
    keepAliveMs: ms('keep-alive') ?? usual.keepAliveMs,
    requestMs: ms('request') ?? usual.requestMs,
    upgradedIdleMs: ms('upgraded-idle') ?? usual.upgradedIdleMs,
  };
}

function resolveLimits(input: NonNullable<ResilienceInput['limits']>): ListenerLimits {
  return {
    maxHeadBytes: measure(input['max-head'] ?? '16KiB', 'size')!,
    maxConnections: input['max-connections'] ?? null,
  };
}

function resolvePages(
  input: NonNullable<ResilienceInput['error-pages']>,
  path: Path,
  problems: Problem[],
): ErrorPageFiles {
  const pages: Record<string, readonly string[]> = {};
  for (const [status, value] of Object.entries(input)) {
    if (value === undefined) continue;
    const files = [value].flat();
    pages[status] = files;
    const kinds = files.map(kindOfPage);
    const twice = PAGE_KINDS.find((kind) => kinds.filter((each) => each === kind).length > 1);
    if (twice === undefined) continue;
    problems.push({
      code: 'E008',
      path: [...path, status],
      at: 'value',
      message: `${status} has two pages that end in .${twice}`,
      note: 'which of them is sent goes by their ends',
      fix: `leave one .${twice}`,
    });
  }
  return pages;
}

/** Of a file that the schema has let through. */
export function kindOfPage(file: string): PageKind {
  return PAGE_KINDS.find((kind) => file.endsWith(`.${kind}`))!;
}
