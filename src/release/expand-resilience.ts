import { formatDuration } from '../lib/duration.ts';
import type { OutlierRules, PerReplica, Timeouts } from './resilience.ts';
import type { BuiltinProxy } from './service.ts';
import { formatSize } from './units.ts';

/** As a file would have it, every value written out. */
export function expandResilience({
  perReplica,
  outliers,
  timeouts,
  limits,
  errorPages,
}: Pick<BuiltinProxy, 'perReplica' | 'outliers' | 'timeouts' | 'limits' | 'errorPages'>): Record<
  string,
  unknown
> {
  return {
    ...(perReplica !== undefined && { 'per-replica': expandPerReplica(perReplica) }),
    ...(outliers !== undefined && { 'outlier-detection': expandOutliers(outliers) }),
    ...(timeouts !== undefined && { timeouts: expandTimeouts(timeouts) }),
    ...(limits !== undefined && {
      limits: {
        'max-head': formatSize(limits.maxHeadBytes),
        ...(limits.maxConnections !== null && { 'max-connections': limits.maxConnections }),
      },
    }),
    ...(errorPages !== undefined && {
      'error-pages': Object.fromEntries(
        Object.entries(errorPages).map(([status, files]) => [status, files.length === 1 ? files[0] : files]),
      ),
    }),
  };
}

function expandPerReplica({
  maxRequests,
  maxQueue,
  queueTimeoutMs,
  slowStartMs,
}: PerReplica): Record<string, unknown> {
  return {
    ...(maxRequests !== null && {
      'max-requests': maxRequests,
      'max-queue': maxQueue,
      'queue-timeout': formatDuration(queueTimeoutMs),
    }),
    ...(slowStartMs > 0 && { 'slow-start': formatDuration(slowStartMs) }),
  };
}

function expandOutliers(rules: OutlierRules): Record<string, unknown> {
  const { consecutiveGatewayFailures: ofGateway, consecutive5xx: ofAll } = rules;
  return {
    ...(ofGateway !== null && { 'consecutive-gateway-failures': ofGateway }),
    ...(ofAll !== null && { 'consecutive-5xx': ofAll }),
    'base-ejection-time': formatDuration(rules.baseMs),
    'max-ejection-time': formatDuration(rules.maxMs),
  };
}

function expandTimeouts(timeouts: Timeouts): Record<string, unknown> {
  return {
    connect: formatDuration(timeouts.connectMs),
    'response-head': formatDuration(timeouts.responseHeadMs),
    'response-idle': formatDuration(timeouts.responseIdleMs),
    'request-idle': formatDuration(timeouts.requestIdleMs),
    'request-head': formatDuration(timeouts.requestHeadMs),
    'keep-alive': formatDuration(timeouts.keepAliveMs),
    ...(timeouts.requestMs !== null && { request: formatDuration(timeouts.requestMs) }),
    ...(timeouts.upgradedIdleMs !== null && { 'upgraded-idle': formatDuration(timeouts.upgradedIdleMs) }),
  };
}
