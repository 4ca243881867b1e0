import { stringify } from 'yaml';

import { formatAddress } from '../lib/address.ts';
import { formatDuration } from '../lib/duration.ts';
import { formatUpstream } from '../lib/upstream.ts';
import type { ApprovalRule } from './approval.ts';
import { escapeInterpolation } from './interpolate.ts';
import type { Config } from './read.ts';
import { expandJudgeUse } from './expand-judge-use.ts';
import { quantileName } from './resolve-policy.ts';
import { statusWords } from './resolve-verify.ts';
import type { AcmeSpec } from './acme.ts';
import { expandMeasure } from './expand-measure.ts';
import type { RequestMatch } from './request-match.ts';
import { expandResilience } from './expand-resilience.ts';
import type {
  AccessLogSpec,
  BuiltinProxy,
  OverrideSpec,
  Check,
  DoorSpec,
  EarlyStage,
  EnvValue,
  Policy,
  ProxySpec,
  ReleaseSpec,
  ServiceSpec,
  VerifyCheck,
} from './service.ts';
import { formatPercent, formatPoints, formatSize } from './units.ts';

/** Everything written out, as a file that reads back to the same services. Secrets stay references. */
export function expandConfig(config: Config): string {
  const services = Object.fromEntries(
    Object.values(config.services).map((service) => [service.name, expandService(service)]),
  );
  return stringify(
    { version: 1, services },
    { lineWidth: 0, flowCollectionPadding: false, aliasDuplicateObjects: false },
  );
}

/** One service as the plain value that a file would hold. */
export function expandService(service: ServiceSpec): Record<string, unknown> {
  return {
    ...(service.targets === null ? {} : { targets: expandTargets(service.targets) }),
    ...(service.current === null ? {} : { current: formatUpstream(service.current) }),
    ...expandRelease(service.release),
    ...(service.targets === null
      ? { replicas: service.scale.replicas, 'max-replicas': service.scale.maxReplicas }
      : {}),
    ...expandDoor(service.door),
    strategy: expandPolicy(service.policy),
  };
}

function expandRelease(release: ReleaseSpec): Record<string, unknown> {
  const { health } = release;
  const env = Object.entries(release.env).map(([name, value]) => [name, expandEnv(value)] as const);
  return {
    ...(release.run === null ? {} : { run: escapeInterpolation(release.run) }),
    ...(release.build === null ? {} : { build: escapeInterpolation(release.build) }),
    ...(env.length === 0 ? {} : { env: Object.fromEntries(env) }),
    ...(release.user === null ? {} : { user: release.user }),
    health: {
      path: escapeInterpolation(health.path),
      interval: formatDuration(health.intervalMs),
      timeout: formatDuration(health.timeoutMs),
      rise: health.rise,
      fall: health.fall,
    },
    ...(release.verify === undefined ? {} : { verify: release.verify.map(expandVerify) }),
    'ready-within': formatDuration(release.readyWithinMs),
    ...(release.run === null ? {} : { 'stop-grace': formatDuration(release.stopGraceMs) }),
  };
}

function expandTargets({ blue, green }: NonNullable<ServiceSpec['targets']>): Record<string, unknown> {
  return { blue: blue.map(formatUpstream), green: green.map(formatUpstream) };
}

function expandVerify(check: VerifyCheck): Record<string, unknown> {
  const bounds = { within: formatDuration(check.withinMs), attempts: check.attempts };
  if (check.kind === 'run') return { run: escapeInterpolation(check.command), ...bounds };
  const { method, path, status, contains, headers } = check;
  const words = statusWords(status);
  const header = Object.entries(headers).map(([name, value]) => [name, escapeInterpolation(value)] as const);
  return {
    [method.toLowerCase()]: escapeInterpolation(path),
    status: words.endsWith('xx') ? words : Number(words),
    ...(contains === null ? {} : { contains: escapeInterpolation(contains) }),
    ...(header.length === 0 ? {} : { header: Object.fromEntries(header) }),
    ...bounds,
  };
}

function expandEnv(value: EnvValue): unknown {
  return value.kind === 'plain'
    ? escapeInterpolation(value.value)
    : { secret: `${value.from}:${value.name}` };
}

function expandDoor(door: DoorSpec): Record<string, unknown> {
  return {
    listen: formatAddress({ host: door.listen.address, port: door.listen.port }),
    host: door.host ?? '*',
    path: escapeInterpolation(door.path),
    proxy: expandProxy(door.proxy),
    drain: formatDuration(door.drainMs),
    'stream-grace': formatDuration(door.streamGraceMs),
    'trust-forwarded': door.trustForwarded,
    ...(door.preview === true && { preview: true }),
    ...(door.override !== undefined && { override: expandOverride(door.override) }),
    'max-body': door.maxBodyBytes === null ? 'none' : formatSize(door.maxBodyBytes),
  };
}

function expandOverride({ header, allow }: OverrideSpec): unknown {
  return allow.kind === 'secret'
    ? { header, secret: `${allow.from}:${allow.name}` }
    : { header, from: allow.networks };
}

function expandProxy(proxy: ProxySpec): unknown {
  switch (proxy.kind) {
    case 'builtin':
      return expandBuiltin(proxy);
    case 'nginx':
      return {
        nginx: {
          managed: proxy.managed,
          mode: proxy.mode,
          directory: proxy.directory,
          ...(proxy.tls === null ? {} : { tls: proxy.tls }),
          ...(proxy.include === null ? {} : { include: proxy.include }),
          'connect-timeout': formatDuration(proxy.connectTimeoutMs),
          'read-timeout': formatDuration(proxy.readTimeoutMs),
        },
      };
    case 'haproxy':
      return {
        haproxy: {
          managed: proxy.managed,
          directory: proxy.directory,
          socket: proxy.socket,
          log: proxy.log,
          ...(proxy.tls === null ? {} : { tls: proxy.tls }),
          'connect-timeout': formatDuration(proxy.connectTimeoutMs),
          'read-timeout': formatDuration(proxy.readTimeoutMs),
        },
      };
  }
}

function expandBuiltin({ tls, redirectFrom, protocol, proxies, ...more }: BuiltinProxy): unknown {
  const { redirectHosts: hosts, allow, deny, accessLog, startTracesPercent: traces, serverTiming } = more;
  const builtin = {
    ...(tls !== undefined && { tls: tls.length === 1 ? tls[0] : tls }),
    ...(more.acme !== undefined && { tls: { acme: expandAcme(more.acme) } }),
    ...(protocol !== undefined && { protocol }),
    ...(proxies !== undefined && { 'proxy-protocol': proxies }),
    ...(redirectFrom !== undefined && { 'redirect-http': redirectFrom }),
    ...(hosts !== undefined && { 'redirect-hosts': hosts }),
    ...(more.stripPath === true && { 'strip-path': true }),
    ...(more.when !== undefined && { when: more.when.map(expandMatch) }),
    ...(more.candidateFor !== undefined && { 'candidate-for': more.candidateFor.map(expandMatch) }),
    ...(allow !== undefined && { allow }),
    ...(deny !== undefined && { deny }),
    ...(accessLog !== undefined && { 'access-log': expandAccessLog(accessLog) }),
    ...(traces !== undefined && { 'start-traces': formatPercent(traces) }),
    ...(serverTiming === true && { 'server-timing': true }),
    ...expandResilience(more),
  };
  return Object.keys(builtin).length === 0 ? 'builtin' : { builtin };
}

function expandAcme({ email, directory, authority }: AcmeSpec): unknown {
  return {
    ...(email !== null && { email }),
    'agree-tos': true,
    directory,
    ...(authority !== null && { authority }),
  };
}

function expandMatch({ on, name, value }: RequestMatch): unknown {
  return {
    [on]: escapeInterpolation(name),
    ...(value.kind !== 'present' && { [value.kind]: escapeInterpolation(value.text) }),
  };
}

function expandAccessLog({ fields, headers, samplePercent, keepBytes }: AccessLogSpec): unknown {
  return {
    fields,
    ...(headers.length > 0 && { headers }),
    sample: formatPercent(samplePercent),
    keep: formatSize(keepBytes),
  };
}

function expandApproval({ before, need, of }: ApprovalRule): Record<string, unknown> {
  const where = before === 'start' ? before : formatPercent(before);
  return { before: where, need, ...(of !== null && { of }) };
}

function expandPolicy(policy: Policy): Record<string, unknown> {
  const { sticky, whenUnsure } = policy;
  const common = {
    ask: policy.askBeforeFull,
    ...Object.fromEntries((policy.early ?? []).map(expandEarly)),
    ...(policy.approvals !== undefined && { approvals: policy.approvals.map(expandApproval) }),
    sticky: sticky.by === 'header' ? { header: sticky.header } : sticky.by,
    judge: {
      ...(policy.judge.rule !== undefined && { use: expandJudgeUse(policy.judge.rule) }),
      ...Object.fromEntries([
        ...policy.judge.checks.map(expandCheck),
        ...(policy.judge.measures ?? []).map(expandMeasure),
      ]),
    },
    'warm-up': formatDuration(policy.judge.warmUpMs),
    'when-worse': policy.whenWorse,
    'when-unsure': { wait: formatDuration(whenUnsure.waitMs), then: whenUnsure.then },
    watch: formatDuration(policy.watchMs),
    'keep-old': formatDuration(policy.keepOldMs),
  };
  if (policy.strategy === 'canary') {
    const dwell = {
      'at-least': formatDuration(policy.dwell.atLeastMs),
      'at-most': formatDuration(policy.dwell.atMostMs),
    };
    const steps = policy.stepsPercent.map(formatPercent);
    return { canary: { use: policy.preset, steps, dwell, bake: formatDuration(policy.bakeMs), ...common } };
  }
  const first = policy.stepsPercent[0]!;
  const attempt =
    first === 100 ? 'none' : `${formatPercent(first)} for ${formatDuration(policy.dwell.atLeastMs)}`;
  return { 'blue-green': { use: policy.preset, try: attempt, ...common } };
}

function expandEarly(stage: EarlyStage): readonly [string, unknown] {
  const time = formatDuration(stage.forMs);
  if (stage.kind === 'header-only') {
    const { requests, maxErrorsPercent } = stage;
    return ['header-only', { for: time, requests, 'max-errors': formatPercent(maxErrorsPercent) }];
  }
  const { sharePercent, methods, because } = stage;
  const why = because === null ? {} : { because: escapeInterpolation(because) };
  return ['mirror', { share: formatPercent(sharePercent), for: time, methods, ...why }];
}

function expandCheck(check: Check): readonly [string, unknown] {
  if (check.kind === 'latency')
    return [quantileName(check.quantile), { 'worse-by': formatPercent(check.worseByPercent) }];
  return [check.kind, { 'worse-by': formatPoints(check.worseByPp) }];
}
