import { z } from 'zod';
import { approvalRules } from './approval-body.ts';
import { METHOD, OVERRIDE_HEADER } from '../release/forms.ts';
import { GAP_POLICIES, MEASURE_KINDS, SOURCE_KINDS } from '../release/measure.ts';
import { isNetwork, isReserved } from '../release/resolve-override.ts';
import { readTarget } from '../release/target.ts';
import { PRESET_NAMES } from '../release/service.ts';
import { otherJudge } from './judge-body.ts';
import { proxy } from './proxy-body.ts';

/**
 * A resolved service as a client sends it. The client has checked the file already; the server trusts no client, so
 * that the bounds stand here again, in the words of the resolved form.
 */

const DAY_MS = 86_400_000;
const ms = (max: number) => z.int().min(0).max(max);
/** What a shell, a log line or an environment can carry: no NUL, bounded. */
const text = (max: number) =>
  z
    .string()
    .max(max)
    .refine((value) => !value.includes('\0'), 'holds a NUL character');

export const serviceName = z
  .string()
  .regex(/^[a-z](?:[a-z0-9-]{0,38}[a-z0-9])?$/, 'is not the name of a service')
  .meta({
    description: 'Lowercase letters, digits and dashes, at most 40 characters, starting with a letter.',
  });

const envValue = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('plain'), value: text(32_768) }),
  z.strictObject({
    kind: z.literal('secret'),
    from: z.enum(['env', 'file']),
    name: z.string().regex(/^[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}$/, 'is not the name of a secret'),
  }),
]);

const env = z
  .record(z.string().regex(/^[A-Za-z_][A-Za-z0-9_]{0,127}$/, 'is not the name of a variable'), envValue)
  .refine((value) => Object.keys(value).length <= 500, 'has more than 500 variables')
  .refine(
    (value) => !Object.keys(value).some((name) => name === 'PORT' || name.startsWith('BASCULE_')),
    'sets a variable that is Bascule’s (PORT, BASCULE_…)',
  );

/** A path as it stands in an address: no query, no fragment, no `.` or empty segments. */
function isPlainPath(path: string): boolean {
  return /^\/[\x21\x22\x24-\x3e\x40-\x7e]*$/.test(path) && !/\/\/|\/\.{1,2}(?:\/|$)/.test(path);
}

const httpPath = z
  .string()
  .max(2048)
  .regex(/^\/[\x21\x22\x24-\x7e]*$/, 'is not a path');

const health = z.strictObject({
  path: httpPath,
  intervalMs: z.int().min(10).max(3_600_000),
  timeoutMs: z.int().min(1).max(3_600_000),
  rise: z.int().min(1).max(100),
  fall: z.int().min(1).max(100),
});

const socket = z.strictObject({
  host: z
    .string()
    .regex(/^unix:/, 'is not a socket')
    .refine((host) => typeof readTarget(host) !== 'string', 'is not a socket that could be reached'),
  port: z.literal(0),
  pathPrefix: z.literal(''),
});
const overNetwork = z.strictObject({
  host: z
    .string()
    .max(253)
    .regex(/^[a-z0-9_:](?:[a-z0-9._:-]*[a-z0-9_:])?$/, 'is not a host'),
  port: z.int().min(1).max(65_535),
  pathPrefix: z
    .string()
    .max(2048)
    .regex(/^(?:\/(?!\.{1,2}(?:\/|$))[A-Za-z0-9._~-]+)*\/?$/, 'is not a path')
    .refine((path) => path !== '/', 'is a slash alone'),
});
const upstream = z.union([overNetwork, socket]);
const places = z.array(upstream).min(1).max(64).readonly();
const bounds = { withinMs: z.int().min(1).max(3_600_000), attempts: z.int().min(1).max(100) };
const status = z.int().min(100).max(599);

const verifyCheck = z.discriminatedUnion('kind', [
  z.strictObject({
    kind: z.literal('http'),
    method: z.enum(['GET', 'HEAD']),
    path: httpPath,
    status: z.strictObject({ from: status, to: status }),
    contains: text(65_536).nullable(),
    headers: z.record(
      z.string().regex(/^[a-z][a-z0-9-]{0,63}$/, 'is not a header in lower case'),
      text(8192),
    ),
    ...bounds,
  }),
  z.strictObject({ kind: z.literal('run'), command: text(65_536).min(1), ...bounds }),
]);

const release = z.strictObject({
  run: text(65_536).min(1).nullable(),
  build: text(65_536).min(1).nullable(),
  env,
  user: z
    .string()
    .regex(/^[a-z_][a-z0-9_-]{0,31}$/, 'is not the name of a user')
    .refine((value) => value !== 'root', 'is root')
    .nullable(),
  health,
  readyWithinMs: ms(DAY_MS).min(1),
  stopGraceMs: ms(DAY_MS),
  verify: z.array(verifyCheck).min(1).max(20).readonly().exactOptional(),
});

const scale = z
  .strictObject({ replicas: z.int().min(1).max(1000), maxReplicas: z.int().min(1).max(1000) })
  .refine((value) => value.replicas <= value.maxReplicas, 'has more replicas than maxReplicas');

const override = z.strictObject({
  header: z
    .string()
    .regex(OVERRIDE_HEADER, 'is not a header of your own')
    .refine((header) => !isReserved(header), 'is a header that proxies give a meaning'),
  allow: z.discriminatedUnion('kind', [
    z.strictObject({
      kind: z.literal('secret'),
      from: z.enum(['env', 'file']),
      name: z.string().regex(/^[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}$/, 'is not the name of a secret'),
    }),
    z.strictObject({
      kind: z.literal('networks'),
      networks: z.array(z.string().refine(isNetwork, 'is not a network')).min(1).max(64).readonly(),
    }),
  ]),
});

const doorFields = z.strictObject({
  listen: z.strictObject({
    address: z.union([z.ipv4(), z.ipv6()]),
    port: z.int().min(1).max(65_535),
  }),
  host: z
    .string()
    .max(253)
    .regex(/^(?:\*\.)?[a-z0-9_](?:[a-z0-9._-]*[a-z0-9])?$/, 'is not a host name')
    .nullable(),
  path: z
    .string()
    .max(1024)
    .refine(isPlainPath, 'is not a path')
    .refine((path) => path === '/' || !path.endsWith('/'), 'ends with a slash'),
  proxy,
  drainMs: ms(DAY_MS),
  streamGraceMs: ms(DAY_MS),
  trustForwarded: z.boolean(),
  maxBodyBytes: z.int().min(1).nullable(),
  preview: z.literal(true).exactOptional(),
  override: override.exactOptional(),
});

type Door = z.infer<typeof doorFields>;

/** What one part of a door says of another; files have these rules from `resolve-door.ts`. */
const door = doorFields
  .refine((each) => !logsOverride(each), 'logs the header of its override')
  .refine(
    ({ path, proxy: asked }) => path !== '/' || asked.kind !== 'builtin' || asked.stripPath === undefined,
    'strips the path /',
  )
  .refine((each) => knowsItsHosts(each), 'has hosts that its proxy cannot serve, or send on');

function knowsItsHosts({ host, proxy: asked }: Door): boolean {
  const isWild = host?.startsWith('*.') === true;
  if (asked.kind !== 'builtin') return !isWild;
  if (asked.acme !== undefined && (host === null || isWild)) return false;
  const others = asked.redirectHosts;
  return others === undefined || (host !== null && !isWild && !others.includes(host));
}

function logsOverride({ proxy: asked, override: rule }: Door): boolean {
  if (asked.kind !== 'builtin' || rule === undefined) return false;
  return asked.accessLog?.headers.includes(rule.header.toLowerCase()) === true;
}

const sticky = z.discriminatedUnion('by', [
  z.strictObject({ by: z.literal('cookie') }),
  z.strictObject({
    by: z.literal('header'),
    header: z.string().regex(/^[A-Za-z0-9!#$%&'*+.^_`|~-]{1,128}$/, 'is not the name of a header'),
  }),
  z.strictObject({ by: z.literal('address') }),
  z.strictObject({ by: z.literal('none') }),
]);

const check = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('error-rate'), worseByPp: z.number().gt(0).max(100) }),
  z.strictObject({ kind: z.literal('client-error-rate'), worseByPp: z.number().gt(0).max(100) }),
  z.strictObject({
    kind: z.literal('latency'),
    quantile: z.number().gt(0).lt(1),
    worseByPercent: z.number().gt(0).max(100_000),
  }),
]);

const ownName = z.string().regex(/^[a-z](?:[a-z0-9-]{0,38}[a-z0-9])?$/, 'is not a name of a-z, 0-9 and -');
const gapPolicy = z.enum(GAP_POLICIES);

export const measureLimit = z.discriminatedUnion('against', [
  z.strictObject({
    against: z.literal('stable'),
    harm: z.enum(['more', 'fewer']),
    percent: z.number().gt(0).max(1000),
  }),
  z.strictObject({
    against: z.literal('number'),
    harm: z.enum(['above', 'below']),
    number: z.number(),
  }),
  z.strictObject({ against: z.literal('failures'), inARow: z.int().min(1).max(100) }),
]);

const measure = z
  .strictObject({
    name: ownName,
    source: z.enum(SOURCE_KINDS),
    from: ownName.nullable(),
    ask: text(16_384).min(1),
    path: text(16_384).min(1).nullable(),
    range: z.boolean(),
    kind: z.enum(MEASURE_KINDS),
    limit: measureLimit,
    intervalMs: z.int().min(1000).max(300_000),
    delayMs: ms(300_000),
    gaps: z.strictObject({ 'no-data': gapPolicy, 'not-a-number': gapPolicy, 'source-down': gapPolicy }),
  })
  .refine(
    ({ limit }) => limit.against !== 'stable' || limit.harm === 'more' || limit.percent < 100,
    'can have nothing fewer by 100 % or more',
  )
  .refine(
    ({ source, limit }) => limit.against !== 'failures' || source === 'command',
    'has failures without a command',
  )
  .refine(
    ({ source, path }) => (source === 'json') === (path !== null),
    'needs a path with json, and with nothing else',
  );

/** Within the 1,000 buckets that people are spread over. */
const isWholeBuckets = (percent: number) => Math.abs(percent * 10 - Math.round(percent * 10)) < 1e-9;

export const sharePercent = z.number().min(0).max(100).refine(isWholeBuckets, 'is finer than 0.1');

const stepsPercent = z
  .array(sharePercent.gt(0))
  .min(1)
  .max(100)
  .readonly()
  .refine((steps) => steps.at(-1) === 100, 'does not end with 100')
  .refine((steps) => steps.every((step, at) => at === 0 || step > steps[at - 1]!), 'does not grow');

const earlyStage = z.discriminatedUnion('kind', [
  z
    .strictObject({
      kind: z.literal('mirror'),
      sharePercent: z.number().gt(0).max(100),
      methods: z.array(z.string().regex(METHOD)).min(1).max(20).readonly(),
      because: text(16_384).nullable(),
      forMs: ms(30 * DAY_MS),
    })
    .refine(
      ({ methods, because }) => because !== null || methods.every((one) => one === 'GET' || one === 'HEAD'),
      'copies of other methods than GET and HEAD need a reason (because)',
    ),
  z.strictObject({
    kind: z.literal('header-only'),
    requests: z.int().min(1).max(1_000_000),
    maxErrorsPercent: z.number().gt(0).max(100),
    forMs: ms(30 * DAY_MS),
  }),
]);

const policy = z.strictObject({
  strategy: z.enum(['canary', 'blue-green']),
  preset: z.enum(PRESET_NAMES),
  stepsPercent,
  dwell: z
    .strictObject({ atLeastMs: ms(30 * DAY_MS), atMostMs: ms(30 * DAY_MS) })
    .refine((value) => value.atLeastMs <= value.atMostMs, 'ends (atMostMs) before it may (atLeastMs)'),
  early: z.array(earlyStage).min(1).max(2).readonly().exactOptional(),
  bakeMs: ms(30 * DAY_MS),
  askBeforeFull: z.boolean(),
  approvals: approvalRules.exactOptional(),
  sticky,
  judge: z.strictObject({
    checks: z.array(check).max(50).readonly(),
    measures: z.array(measure).min(1).max(20).readonly().exactOptional(),
    warmUpMs: ms(DAY_MS),
    rule: otherJudge.exactOptional(),
  }),
  whenWorse: z.enum(['rollback', 'pause']),
  whenUnsure: z.strictObject({ waitMs: ms(30 * DAY_MS), then: z.enum(['advance', 'ask', 'rollback']) }),
  watchMs: ms(30 * DAY_MS),
  keepOldMs: ms(30 * DAY_MS),
});

export const serviceSpec = z
  .strictObject({
    name: serviceName,
    release,
    scale,
    policy,
    door,
    targets: z.strictObject({ blue: places, green: places }).nullable(),
    current: upstream.nullable(),
  })
  .refine((spec) => (spec.release.run === null) === (spec.targets !== null), 'needs one of run and targets')
  .refine((spec) => spec.targets === null || spec.current === null, 'has both targets and current')
  .refine(
    ({ policy: { early = [] }, door: { override, proxy: asked } }) =>
      override !== undefined ||
      (asked.kind === 'builtin' && asked.candidateFor !== undefined) ||
      early.every(({ kind }) => kind !== 'header-only'),
    'has a header-only stage, and neither override nor candidateFor',
  )
  .meta({
    id: 'ServiceSpec',
    description: 'A service, complete and resolved: what `bascule config --json` prints.',
  });
