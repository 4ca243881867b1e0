import type { JudgedStage, JudgeView } from '../controller/judge-view.ts';
import { formatElapsed } from '../lib/duration.ts';
import { printable } from '../release/problem.ts';
import { clockTime, dayTime, grouped, headOf } from './format.ts';
import { flow, piece, segment, type Line, type Segment } from './layout.ts';
import { checksTable, tableOf } from './markdown.ts';
import { renderChecks } from './render-checks.ts';

/** What the rules say of a recorded rollout: the sentence first, then each share, then the last verdict. */
export function renderJudge(
  view: JudgeView,
  look: { readonly width: number; readonly timeZone: string | undefined },
): Line[] {
  const { width, timeZone } = look;
  const { rollout, verdict } = view;
  const lines: Line[] = [];
  const field = (name: string, segments: readonly Segment[], gap = 3): void => {
    lines.push(...flow([piece(` ${name.padEnd(8)} `, 'dim')], segments, { width, gap }));
  };
  lines.push(
    ...flow([piece(`${rollout.id}  `, 'bold')], [segment(headOf(view.sentence), 'bold')], { width, gap: 1 }),
  );
  for (const [name, text] of fieldsOf(view, timeZone)) field(name, [segment(text)]);
  for (const stage of view.stages) {
    const share = `${stageName(stage)} `.padEnd(6);
    field('share', [segment(`${share}${clockTime(stage.fromMs, timeZone)}  ${stageWords(stage)}`)]);
    if (stage.early !== undefined)
      field(
        'unseen',
        stage.early.unseen.map((text) => segment(printable(text))),
      );
  }
  for (const { recorded, replayed } of view.different) {
    field('then', [segment(printable(recorded))]);
    field('now', [segment(printable(replayed))]);
  }
  if (verdict !== null) {
    field('judge', [segment(printable(verdict.reason))]);
    const sides = { candidate: printable(rollout.label), stable: printable(rollout.from ?? 'stable') };
    lines.push(...renderChecks(verdict, sides, width));
  }
  if (view.watch !== null) field('watch', [segment(printable(view.watch.reason))]);
  lines.push([]);
  return lines;
}

export function judgeMarkdown(view: JudgeView, timeZone: string | undefined): string {
  const { rollout, verdict } = view;
  const facts = fieldsOf(view, timeZone).map(([name, text]) => `- **${name}**: ${text}`);
  const stages = tableOf(
    ['share', 'from', 'judged', 'what the rules would have done first'],
    view.stages.map((stage) => [
      stage.early?.kind ?? `${stage.sharePercent} %`,
      clockTime(stage.fromMs, timeZone),
      formatElapsed(stage.judgedSeconds * 1000),
      wouldWords(stage.would),
    ]),
  );
  const unseen = view.stages.flatMap(({ early }) =>
    early === undefined ? [] : [`- **${early.kind} cannot see**: ${early.unseen.map(printable).join('; ')}`],
  );
  const checks =
    verdict === null
      ? []
      : [`The judge's last word: ${printable(verdict.reason)}`, '', ...checksTable(verdict.checks, rollout)];
  return `${[`## ${rollout.id}: ${headOf(view.sentence)}`, '', ...facts, ...unseen, '', ...stages, '', ...checks].join('\n').trimEnd()}\n\n`;
}

function fieldsOf(view: JudgeView, timeZone: string | undefined): readonly (readonly [string, string])[] {
  const { rollout, rules, seconds } = view;
  const versions = `${printable(rollout.from ?? 'nothing')} → ${printable(rollout.label)}`;
  const lost = seconds.lost === 0 ? '' : `, ${seconds.lost} lost by the proxy and not judged`;
  const whose = { recorded: 'its own', today: 'of the service now', changed: 'changed' }[rules.which];
  return [
    ['rollout', `${printable(rollout.service)} ${versions}, ${dayTime(rollout.startedAtMs, timeZone)}`],
    [
      'rules',
      `${whose}${rules.same ? ', as then' : ''}: ${judgingLines(rules.lines).map(printable).join('; ')}`,
    ],
    ['seconds', `${grouped(seconds.judged)} judged${lost}`],
    ...(rules.same ? [['same', sameWords(view)] as const] : []),
  ];
}

/** What the rules decide by; that a version is started and kept is no part of it. */
function judgingLines(lines: readonly string[]): readonly string[] {
  const judging = lines.filter((line) => /^(mirror|header-only|judge|undecided) /.test(line));
  return judging.length === 0 ? lines : judging;
}

function sameWords({ sameVerdict, compared, different, judge }: JudgeView): string {
  if (sameVerdict === null) return 'nothing was recorded to compare with';
  const versions = judge.recorded === judge.now ? '' : `; judge ${judge.recorded} then, ${judge.now} now`;
  const words = `${compared - different.length} of ${compared} decisions and the last verdict`;
  return sameVerdict ? `${words}, bit for bit${versions}` : `${words}: NOT the same${versions}`;
}

export function stageName({ early, sharePercent }: JudgedStage): string {
  return early?.kind ?? `${sharePercent}%`;
}

function stageWords(stage: JudgedStage): string {
  return `${formatElapsed(stage.judgedSeconds * 1000)} judged: ${wouldWords(stage.would)}`;
}

export function wouldWords(would: JudgedStage['would']): string {
  if (would === null) return 'would have waited to its end';
  const act = {
    advance: 'goes on',
    ask: 'asks a person',
    pause: 'pauses',
    rollback: 'goes back',
    done: 'quiet to the end of the watch',
  }[would.act];
  const why = would.reason ?? (would.act === 'advance' ? 'surely not worse' : null);
  const when = `after ${formatElapsed(would.afterSeconds * 1000)}, ${grouped(would.candidateRequests)} requests`;
  return `${act} ${when}${why === null ? '' : `: ${printable(why)}`}`;
}
