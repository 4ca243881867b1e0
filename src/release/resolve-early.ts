import { DEFAULTS } from './presets.ts';
import type { Path, Problem } from './problem.ts';
import type { HeaderOnlyInput, MirrorInput } from './schema-early.ts';
import type { DoorSpec, EarlyStage } from './service.ts';
import { parsePercent, TRY_PATTERN } from './units.ts';
import { measure } from './values.ts';

type Written = {
  readonly mirror?: MirrorInput | undefined;
  readonly 'header-only'?: HeaderOnlyInput | undefined;
};
type MirrorStage = Extract<EarlyStage, { kind: 'mirror' }>;

/** What a strategy asks for before its first share, in the order in which it comes: what can hurt nobody first. */
export function resolveEarly(input: Written, path: Path, problems: Problem[]): readonly EarlyStage[] {
  const stages: EarlyStage[] = [];
  if (input.mirror !== undefined) stages.push(resolveMirror(input.mirror, [...path, 'mirror'], problems));
  const asked = input['header-only'];
  if (asked !== undefined) stages.push(headerOnlyOf(asked));
  return stages;
}

function resolveMirror(input: MirrorInput, path: Path, problems: Problem[]): EarlyStage {
  const stage = typeof input === 'string' ? shortMirror(input) : longMirror(input);
  if (!(stage.sharePercent > 0 && stage.sharePercent <= 100 && stage.forMs >= 1000)) {
    problems.push({
      code: 'E080',
      path,
      at: 'value',
      message: 'mirror must be a share for a time such as 20% for 2m',
      note: 'the share is above 0% and at most 100%, the time at least 1s, with its unit',
      fix: null,
    });
  }
  const doing = stage.methods.filter((method) => !DEFAULTS.mirrorMethods.includes(method));
  if (doing.length > 0 && stage.because === null) {
    problems.push({
      code: 'E082',
      path: [...path, 'methods'],
      at: 'value',
      message: `copies of ${doing.join(' and ')} need a reason`,
      note: 'what they change is changed twice',
      fix: `add because: with the reason, or write [${DEFAULTS.mirrorMethods.join(', ')}]`,
    });
  }
  return stage;
}

function shortMirror(input: string): MirrorStage {
  const match = TRY_PATTERN.exec(input);
  return {
    kind: 'mirror',
    sharePercent: parsePercent(match?.[1] ?? '') ?? 0,
    methods: DEFAULTS.mirrorMethods,
    because: null,
    forMs: measure(match?.[2], 'duration') ?? 0,
  };
}

function longMirror(input: Exclude<MirrorInput, string>): MirrorStage {
  return {
    kind: 'mirror',
    sharePercent: parsePercent(input.share ?? '100%') ?? 0,
    methods: [...new Set(input.methods ?? DEFAULTS.mirrorMethods)],
    because: input.because ?? null,
    forMs: measure(input.for, 'duration') ?? 0,
  };
}

function headerOnlyOf(input: HeaderOnlyInput): EarlyStage {
  const block = typeof input === 'object' ? input : { for: input };
  return {
    kind: 'header-only',
    requests: block.requests ?? DEFAULTS.headerOnlyRequests,
    maxErrorsPercent: parsePercent(block['max-errors'] ?? '') ?? DEFAULTS.headerOnlyMaxErrorsPercent,
    forMs: measure(block.for, 'duration') ?? 0,
  };
}

/** Who comes in a header-only step, the door says: by its override, or by its conditions. */
export function withoutHeader(
  early: readonly EarlyStage[],
  { override, proxy }: DoorSpec,
  path: Path,
): readonly Problem[] {
  const isOpen = proxy.kind === 'builtin' && proxy.candidateFor !== undefined;
  if (override !== undefined || isOpen || !early.some(({ kind }) => kind === 'header-only')) return [];
  return [
    {
      code: 'E083',
      path: [...path, 'header-only'],
      at: 'key',
      message: 'header-only needs override or candidate-for',
      note: 'nothing chooses the candidate',
      fix: 'add override: {header: X-Version, secret: file:NAME}',
    },
  ];
}
