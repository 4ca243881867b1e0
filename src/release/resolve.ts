import { DEFAULTS } from './presets.ts';
import type { Path, Problem } from './problem.ts';
import { resolveDoor } from './resolve-door.ts';
import { resolvePolicy } from './resolve-policy.ts';
import { withoutHeader } from './resolve-early.ts';
import { resolveCurrent, resolveTargets } from './resolve-targets.ts';
import { resolveVerify } from './resolve-verify.ts';
import type { ServiceInput } from './schema.ts';
import type { EnvValue, HealthSpec, ReleaseSpec, ScaleSpec, ServiceSpec } from './service.ts';
import { hasControls, measure } from './values.ts';

/**
 * A service as written, its shape checked -> the complete one. What breaks a rule between fields is added to `problems`;
 * the value returned then stands in so that the other rules can be checked too.
 */
export function resolveService(name: string, input: ServiceInput, problems: Problem[]): ServiceSpec {
  const path = ['services', name];
  const release = resolveRelease(input, path, problems);
  const targets = resolveTargets(input, release.verify ?? [], path, problems);
  const policy = resolvePolicy(input.strategy, [...path, 'strategy'], problems);
  const door = resolveDoor(input, path, problems);
  problems.push(...withoutHeader(policy.early ?? [], door, [...path, 'strategy', policy.strategy]));
  return {
    name,
    release,
    scale: targets === null ? resolveScale(input, path, problems) : scaleOf(targets),
    policy,
    door,
    targets,
    current: targets === null ? resolveCurrent(input) : null,
  };
}

function resolveRelease(input: ServiceInput, path: Path, problems: Problem[]): ReleaseSpec {
  const verify = resolveVerify(input.verify, [...path, 'verify'], problems);
  return {
    run: input.targets === undefined ? (input.run ?? '') : null,
    build: input.build ?? null,
    env: resolveEnv(input.env ?? {}, [...path, 'env'], problems),
    user: input.user ?? null,
    health: resolveHealth(input.health),
    readyWithinMs: measure(input['ready-within'], 'duration') ?? DEFAULTS.readyWithinMs,
    stopGraceMs: measure(input['stop-grace'], 'duration') ?? DEFAULTS.stopGraceMs,
    ...(verify.length > 0 && { verify }),
  };
}

function resolveHealth(input: ServiceInput['health']): HealthSpec {
  const block = typeof input === 'string' ? { path: input } : (input ?? {});
  return {
    path: block.path ?? DEFAULTS.healthPath,
    intervalMs: measure(block.interval, 'duration') ?? DEFAULTS.healthIntervalMs,
    timeoutMs: measure(block.timeout, 'duration') ?? DEFAULTS.healthTimeoutMs,
    rise: block.rise ?? DEFAULTS.rise,
    fall: block.fall ?? DEFAULTS.fall,
  };
}

/** Well below what Linux lets a process begin with (execve(2): 128 KiB a text, 2 MiB in all); the API has the same. */
const MOST_VARIABLES = 500;
const LONGEST_VALUE = 32_768;

function resolveEnv(
  input: NonNullable<ServiceInput['env']>,
  path: Path,
  problems: Problem[],
): Readonly<Record<string, EnvValue>> {
  const env: Record<string, EnvValue> = {};
  const names = Object.keys(input).toSorted();
  if (names.length > MOST_VARIABLES) problems.push(tooMany(names.length, path));
  for (const name of names) {
    const value = input[name]!;
    if (name === 'PORT' || name.startsWith('BASCULE_')) problems.push(reserved(name, [...path, name]));
    if (typeof value === 'object') {
      const colon = value.secret.indexOf(':');
      const from = value.secret.slice(0, colon) === 'env' ? 'env' : 'file';
      env[name] = { kind: 'secret', from, name: value.secret.slice(colon + 1) };
      continue;
    }
    if (String(value).length > LONGEST_VALUE) problems.push(tooLong(name, [...path, name]));
    if (hasControls(String(value))) problems.push(unusable(name, [...path, name]));
    env[name] = { kind: 'plain', value: String(value) };
  }
  return env;
}

function tooMany(count: number, path: Path): Problem {
  const message = `env may hold at most ${MOST_VARIABLES} variables`;
  return {
    code: 'E020',
    path,
    at: 'key',
    message,
    note: `these are ${count}`,
    fix: 'put them in a file of the release',
  };
}

function tooLong(name: string, path: Path): Problem {
  const message = `${name} may have at most ${LONGEST_VALUE} characters`;
  return { code: 'E020', path, at: 'key', message, note: '', fix: 'put it in a file of the release' };
}

function reserved(name: string, path: Path): Problem {
  return {
    code: 'E031',
    path,
    at: 'key',
    message: `${name} is set by Bascule for each replica`,
    note: name === 'PORT' ? 'two slots cannot share it' : 'reserved',
    fix:
      name === 'PORT' ? 'take it out; clients use the port under listen' : 'choose a name without BASCULE_',
  };
}

function unusable(name: string, path: Path): Problem {
  return {
    code: 'E038',
    path,
    at: 'value',
    message: `${name} is not usable text`,
    note: 'holds a control character',
    fix: null,
  };
}

/** A replica is an address; a slot with fewer has fewer. */
function scaleOf({ blue, green }: NonNullable<ServiceSpec['targets']>): ScaleSpec {
  const most = Math.max(blue.length, green.length);
  return { replicas: most, maxReplicas: most };
}

function resolveScale(input: ServiceInput, path: Path, problems: Problem[]): ScaleSpec {
  const replicas = input.replicas ?? DEFAULTS.replicas;
  const maxReplicas = input['max-replicas'] ?? Math.max(replicas, DEFAULTS.maxReplicasAtLeast);
  if (input.replicas === undefined) return { replicas: Math.min(replicas, maxReplicas), maxReplicas };
  if (replicas > maxReplicas) {
    problems.push({
      code: 'E022',
      path: [...path, 'replicas'],
      at: 'value',
      message: `${replicas} replicas are more than max-replicas (${maxReplicas})`,
      note: `more than ${maxReplicas}`,
      fix: `did you mean max-replicas: ${replicas}?`,
    });
  }
  return { replicas, maxReplicas };
}
