import { resolveJudgeUse } from './resolve-judge-use.ts';
import { tooSlow } from './measure-rules.ts';
import { resolveEarly } from './resolve-early.ts';
import { resolveApprovals } from './resolve-approvals.ts';
import { resolveMeasures } from './resolve-measures.ts';
import type { MeasureInput } from './schema-measure.ts';
import { DEFAULTS, PRESETS, type Preset, type Try } from './presets.ts';
import type { Path, Problem } from './problem.ts';
import type { BlueGreenInput, CanaryInput } from './schema-policy.ts';
import type { ServiceInput } from './schema.ts';
import type { Check, JudgePolicy, Policy, PresetName, Sticky } from './service.ts';
import { formatPercent, parsePercent, parsePoints, TRY_PATTERN } from './units.ts';
import { measure } from './values.ts';

type Common = Pick<CanaryInput, Extract<keyof CanaryInput, keyof BlueGreenInput>>;
type Problems = Problem[];

/** What the rules for both strategies have in common. */
type Base = Pick<Policy, 'preset' | 'early' | 'judge' | 'whenWorse' | 'whenUnsure' | 'watchMs' | 'keepOldMs'>;

/** The policy that a `strategy:` asks for; what breaks a rule is added to `problems`. */
export function resolvePolicy(input: ServiceInput['strategy'], path: Path, problems: Problems): Policy {
  const block = typeof input === 'string' ? { [input]: {} } : (input ?? { 'blue-green': {} });
  const both = 'canary' in block && 'blue-green' in block;
  if (both || (!('canary' in block) && !('blue-green' in block))) {
    problems.push({
      code: 'E034',
      path,
      at: 'key',
      message: 'a strategy is canary or blue-green',
      note: both ? 'both are written' : 'neither is written',
      fix: both ? 'keep one of them' : 'write strategy: canary, or strategy: blue-green',
    });
  }
  return 'canary' in block
    ? canaryPolicy(block.canary ?? {}, [...path, 'canary'], problems)
    : blueGreenPolicy(block['blue-green'] ?? {}, [...path, 'blue-green'], problems);
}

function canaryPolicy(input: CanaryInput, path: Path, problems: Problems): Policy {
  const { base, preset } = resolveCommon(input, path, problems);
  const dwell = resolveDwell(input.dwell, preset, [...path, 'dwell'], problems);
  problems.push(...tooSlow(base.judge.measures ?? [], dwell.atMostMs, path));
  const stepsPercent = resolveSteps(input.steps, preset, [...path, 'steps'], problems);
  return {
    strategy: 'canary',
    ...base,
    stepsPercent,
    dwell,
    bakeMs: ms(input.bake) ?? preset.canary.bakeMs,
    askBeforeFull: input.ask ?? preset.canary.askBeforeFull,
    ...approvalsOf(input, stepsPercent, { path, problems }),
    sticky: resolveSticky(input.sticky, { by: 'cookie' }),
  };
}

function blueGreenPolicy(input: BlueGreenInput, path: Path, problems: Problems): Policy {
  const { base, preset } = resolveCommon(input, path, problems);
  const attempt = resolveTry(input.try, preset, [...path, 'try'], problems);
  const { dwell } = preset.canary;
  const stepsPercent = attempt === null ? [100] : [attempt.percent, 100];
  return {
    strategy: 'blue-green',
    ...base,
    stepsPercent,
    dwell:
      attempt === null
        ? dwell
        : { atLeastMs: attempt.forMs, atMostMs: Math.max(attempt.forMs, dwell.atMostMs) },
    bakeMs: 0,
    askBeforeFull: input.ask ?? preset.blueGreen.askBeforeFull,
    ...approvalsOf(input, stepsPercent, { path, problems }),
    sticky: resolveSticky(input.sticky, { by: attempt === null ? 'none' : 'cookie' }),
  };
}

function approvalsOf(
  { approvals }: Common,
  stepsPercent: readonly number[],
  { path, problems }: { readonly path: Path; readonly problems: Problems },
): Pick<Policy, 'approvals'> {
  if (approvals === undefined) return {};
  return {
    approvals: resolveApprovals(approvals, stepsPercent, { path: [...path, 'approvals'], problems }),
  };
}

function resolveCommon(input: Common, path: Path, problems: Problems): { base: Base; preset: Preset } {
  const name: PresetName = input.use ?? DEFAULTS.preset;
  const preset = PRESETS[name];
  const early = resolveEarly(input, path, problems);
  const base: Base = {
    preset: name,
    ...(early.length > 0 && { early }),
    judge: resolveJudge(input, path, problems),
    whenWorse: input['when-worse'] ?? DEFAULTS.whenWorse,
    whenUnsure: resolveUnsure(input['when-unsure'], preset),
    watchMs: ms(input.watch) ?? preset.watchMs,
    keepOldMs: ms(input['keep-old']) ?? preset.keepOldMs,
  };
  return { base, preset };
}

function resolveSteps(
  input: CanaryInput['steps'],
  preset: Preset,
  path: Path,
  problems: Problems,
): readonly number[] {
  if (input === undefined) return preset.canary.stepsPercent;
  const steps = input.map((step) => parsePercent(step) ?? 0);
  const found = steps.flatMap((step, index) => finerThanBuckets(step, [...path, index]));
  const falls = steps.findIndex((step, index) => index > 0 && step <= steps[index - 1]!);
  if (falls > 0) found.push(fallingStep(steps, falls, path));
  if (steps.at(-1) !== 100 && !steps.includes(100)) {
    found.push({
      code: 'E016',
      path: [...path, steps.length - 1],
      at: 'value',
      message: 'canary steps must end with 100%',
      note: 'two versions would serve for ever',
      fix: `did you mean ${listed([...rising(steps), 100])}?`,
    });
  }
  problems.push(...found);
  return steps;
}

function fallingStep(steps: readonly number[], index: number, path: Path): Problem {
  const before = steps[index - 1]!;
  const how = steps[index] === before ? 'the same as' : 'smaller than';
  return {
    code: 'E017',
    path: [...path, index],
    at: 'value',
    message: 'canary steps must grow',
    note: `${how} the step before it (${formatPercent(before)})`,
    fix: `did you mean ${listed([...rising(steps.filter((step) => step !== 100)), 100])}?`,
  };
}

/** People are spread over 1,000 buckets: a finer share would not be what was asked for. */
function finerThanBuckets(share: number, path: Path): Problem[] {
  const rounded = Math.round(share * 10) / 10;
  if (share === rounded) return [];
  return [
    {
      code: 'E018',
      path,
      at: 'value',
      message: 'a share cannot be finer than 0.1%',
      note: 'finer than 0.1%',
      fix: `did you mean ${formatPercent(Math.max(0.1, rounded))}?`,
    },
  ];
}

function rising(steps: readonly number[]): number[] {
  return [...new Set(steps)].toSorted((a, b) => a - b);
}

function listed(steps: readonly number[]): string {
  return `[${steps.map(formatPercent).join(', ')}]`;
}

function resolveDwell(
  input: CanaryInput['dwell'],
  preset: Preset,
  path: Path,
  problems: Problems,
): Policy['dwell'] {
  const { dwell } = preset.canary;
  const block = typeof input === 'object' ? input : { 'at-least': input };
  const least = ms(block['at-least']);
  const most = ms(block['at-most']);
  if (least !== undefined && most !== undefined && most < least) {
    problems.push({
      code: 'E023',
      path: [...path, 'at-most'],
      at: 'value',
      message: 'dwell ends before it may: at-most is shorter than at-least',
      note: `shorter than at-least (${String(block['at-least'])})`,
      fix: `did you mean {at-least: ${String(block['at-most'])}, at-most: ${String(block['at-least'])}}?`,
    });
  }
  if (least !== undefined) return { atLeastMs: least, atMostMs: most ?? Math.max(least, dwell.atMostMs) };
  return { atLeastMs: Math.min(dwell.atLeastMs, most ?? dwell.atLeastMs), atMostMs: most ?? dwell.atMostMs };
}

function resolveTry(
  input: BlueGreenInput['try'],
  preset: Preset,
  path: Path,
  problems: Problems,
): Try | null {
  if (input === undefined) return preset.blueGreen.try;
  if (input === 'none') return null;
  const match = TRY_PATTERN.exec(input);
  const percent = parsePercent(match?.[1] ?? '') ?? 0;
  const forMs = measure(match?.[2], 'duration') ?? 0;
  if (percent < 0.1 || percent >= 100 || forMs < 1000) {
    const note =
      forMs < 1000 ? 'the time is at least 1s, with its unit' : 'the share is at least 0.1% and below 100%';
    problems.push({
      code: 'E036',
      path,
      at: 'value',
      message: 'try must be a share for a time such as 5% for 2m, or none',
      note,
      fix: null,
    });
  } else problems.push(...finerThanBuckets(percent, path));
  return { percent, forMs };
}

function resolveUnsure(input: Common['when-unsure'], preset: Preset): Policy['whenUnsure'] {
  if (input === undefined) return preset.whenUnsure;
  if (typeof input === 'string') return { waitMs: preset.whenUnsure.waitMs, then: input };
  return { waitMs: ms(input.wait) ?? preset.whenUnsure.waitMs, then: input.then ?? preset.whenUnsure.then };
}

function resolveSticky(input: Common['sticky'], otherwise: Sticky): Sticky {
  if (input === undefined) return otherwise;
  return typeof input === 'string' ? { by: input } : { by: 'header', header: input.header.toLowerCase() };
}

const QUANTILES = ['p50', 'p75', 'p90', 'p95', 'p99', 'p99.9'] as const;

/** The name of a latency check in a file: 0.95 -> `p95`. */
export function quantileName(quantile: number): string {
  return `p${Number((quantile * 100).toFixed(3))}`;
}

/** The checks that are there without being measured elsewhere. */
const CHECKS = ['error-rate', 'client-error-rate', ...QUANTILES] as const;

function resolveJudge(common: Common, path: Path, problems: Problems): JudgePolicy {
  const { judge: input, 'warm-up': warmUp } = common;
  const checks: Check[] = [];
  const errors = input?.['error-rate'];
  if (errors !== undefined) {
    checks.push({
      kind: 'error-rate',
      worseByPp: parsePoints(errors['worse-by'] ?? '') ?? DEFAULTS.errorRateWorseByPp,
    });
  }
  const clientErrors = input?.['client-error-rate'];
  if (clientErrors !== undefined) {
    const worseByPp = parsePoints(clientErrors['worse-by'] ?? '') ?? DEFAULTS.clientErrorRateWorseByPp;
    checks.push({ kind: 'client-error-rate', worseByPp });
  }
  for (const name of QUANTILES) {
    const check = input?.[name];
    if (check === undefined) continue;
    const worseByPercent = parsePercent(check['worse-by'] ?? '') ?? DEFAULTS.latencyWorseByPercent;
    checks.push({ kind: 'latency', quantile: Number(`${name.slice(1)}e-2`), worseByPercent });
  }
  const own = Object.entries(input ?? {}).filter(
    ([name]) => name !== 'use' && !CHECKS.some((check) => check === name),
  );
  const measures = resolveMeasures(Object.fromEntries(own) as Record<string, MeasureInput>, CHECKS, {
    path: [...path, 'judge'],
    problems,
  });
  const rule = resolveJudgeUse(input?.use, {
    path: [...path, 'judge', 'use'],
    measures: measures.map(({ name }) => name),
    margins: CHECKS.filter((name) => input?.[name] !== undefined),
    problems,
  });
  return {
    checks,
    ...(measures.length > 0 && { measures }),
    warmUpMs: ms(warmUp) ?? DEFAULTS.warmUpMs,
    ...(rule !== null && { rule }),
  };
}

function ms(value: string | 0 | undefined): number | undefined {
  return value === undefined ? undefined : measure(value, 'duration');
}
