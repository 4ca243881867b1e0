import type { RolloutView, WhyView } from '../controller/views.ts';
import { formatElapsed } from '../lib/duration.ts';
import { printable } from '../release/problem.ts';
import { clockTime, dayTime, grouped, headOf, linesOf } from './format.ts';
import { flow, piece, segment, type Line } from './layout.ts';
import { checksTable, tableOf } from './markdown.ts';
import { renderChecks, renderLooks } from './render-checks.ts';
import { earlyFacts, renderAllEarly } from './render-early.ts';

/** The decision in one sentence, then the numbers behind it, then what happened when. */
export function renderWhy(
  why: WhyView,
  look: { readonly width: number; readonly timeZone: string | undefined },
): Line[] {
  const { rollout } = why;
  const { width, timeZone } = look;
  const lines = linesOf(why.sentence).flatMap((text, index) => {
    const head = index === 0 ? `${rollout.id}  ` : '          ';
    return flow([piece(head, 'bold')], [segment(text.trim(), 'bold')], { width, gap: 1 });
  });
  const field = (name: string, texts: readonly string[]) =>
    lines.push(
      ...flow(
        [piece(` ${name.padEnd(8)} `, 'dim')],
        texts.map((text) => segment(text)),
        { width, gap: 3 },
      ),
    );
  const ended =
    rollout.endedAtMs === null
      ? 'under way'
      : `took ${formatElapsed(rollout.endedAtMs - rollout.startedAtMs)}`;
  field('rollout', [
    `${printable(rollout.service)} ${rollout.from === null ? '' : `${printable(rollout.from)} → `}${printable(rollout.label)}`,
    rollout.strategy,
    `${dayTime(rollout.startedAtMs, timeZone)}, ${ended}`,
    `by ${printable(rollout.actor)}`,
  ]);
  if (why.rule !== null) field('rule', [printable(why.rule)]);
  if (why.rules.length > 0) field('judged', why.rules.map(printable));
  if (rollout.traffic !== null) {
    const { stable, candidate } = rollout.traffic;
    const side = (label: string, one: typeof stable) =>
      `${printable(label)} ${grouped(one.requests)} requests, ${grouped(one.failed)} failed${one.errorPercent === null ? '' : ` (${one.errorPercent.toFixed(2)}%)`}`;
    field('traffic', [
      side(rollout.label, candidate),
      ...(rollout.from === null ? [] : [side(rollout.from, stable)]),
    ]);
  }
  lines.push(...renderAllEarly(rollout, width));
  if (rollout.verdict !== null) {
    field('judge', [printable(rollout.verdict.reason)]);
    if (rollout.endedAtMs === null && rollout.verdict.hold !== null)
      field('holds', [printable(rollout.verdict.hold)]);
    const sides = { candidate: printable(rollout.label), stable: printable(rollout.from ?? 'stable') };
    lines.push(...renderChecks(rollout.verdict, sides, width));
    lines.push(...renderLooks(rollout.verdict.looks, width));
  }
  for (const [name, texts] of lateFields(why, timeZone)) field(name, texts);
  lines.push([], [piece(' time line', 'dim')]);
  for (const event of why.events) {
    for (const says of event.says) {
      const head = piece(` ${clockTime(event.atMs, timeZone)}  `, 'dim');
      lines.push(...flow([head], [segment(headOf(says))], { width, gap: 1 }));
    }
  }
  const chain = `${why.chain.seq}, mac ${why.chain.mac.slice(0, 16)}`;
  lines.push(
    [],
    ...flow([piece(' recorded ', 'dim')], [segment(`end of the chain: event ${chain}`, 'dim')], {
      width,
      gap: 1,
    }),
  );
  return lines;
}

/** The same as a report: for a pull request, a ticket, an archive. */
export function whyMarkdown(why: WhyView, timeZone: string | undefined): string {
  const { rollout } = why;
  const versions = `${rollout.from ?? 'nothing'} → ${rollout.label}`;
  const facts: readonly (readonly [string, string])[] = [
    [
      'rollout',
      `${rollout.service} ${versions}, ${rollout.strategy}, ${dayTime(rollout.startedAtMs, timeZone)}`,
    ],
    ...(why.rule === null ? [] : [['rule', why.rule] as const]),
    ['judged by', why.rules.join('; ')],
    ...earlyFacts(rollout),
    ...(rollout.verdict === null ? [] : [['judge', rollout.verdict.reason] as const]),
    ...lateFields(why, timeZone).map(([name, texts]) => [name, texts.join('; ')] as const),
  ];
  const { traffic, verdict } = rollout;
  const sides =
    traffic === null
      ? []
      : tableOf(
          ['version', 'requests', 'failed', 'p50', 'p95', 'p99'],
          (['candidate', 'stable'] as const).map((side) => {
            const { requests, failed, p50Ms, p95Ms, p99Ms } = traffic[side];
            const name = side === 'candidate' ? rollout.label : (rollout.from ?? side);
            const times = [p50Ms, p95Ms, p99Ms].map((ms) => (ms === null ? '–' : `${grouped(ms)} ms`));
            return [name, grouped(requests), grouped(failed), ...times];
          }),
        );
  const events = why.events.flatMap(({ atMs, says }) =>
    says.map((text) => `- ${clockTime(atMs, timeZone)} ${headOf(text)}`),
  );
  const parts = [
    [`## ${rollout.id}: ${linesOf(why.sentence)[0]}`],
    facts.map(([name, text]) => `- **${name}**: ${printable(text)}`),
    sides,
    verdict === null ? [] : checksTable(verdict.checks, rollout),
    ['### Time line', '', ...events],
    [`Recorded: end of the chain: event ${why.chain.seq}, mac ${why.chain.mac.slice(0, 16)}`],
  ];
  return `${parts
    .filter((part) => part.length > 0)
    .map((part) => part.join('\n'))
    .join('\n\n')}\n`;
}

/** Shares, what is missing, who was hit: with what the numbers stand on. */
export function lateFields(
  why: WhyView,
  timeZone: string | undefined,
): readonly (readonly [string, readonly string[]])[] {
  const { rollout, shares, gaps, watch, failed } = why;
  const at = (atMs: number): string => clockTime(atMs, timeZone);
  const fields: [string, readonly string[]][] = [];
  if (shares.length > 0) {
    const words = shares.map(
      ({ sharePercent, early, fromMs, seconds }) =>
        `${early ?? `${sharePercent}%`} from ${at(fromMs)} for ${seconds}s`,
    );
    fields.push(['shares', words]);
  }
  if (watch !== null) fields.push(['watch', [printable(watch.reason)]]);
  if (rollout.traffic !== null) fields.push(['hit', [hitWords(rollout.traffic.candidate)]]);
  if (why.judged !== null) {
    const lost = gaps.map(({ fromMs, seconds }) => `${seconds}s lost from ${at(fromMs)}`);
    fields.push(['gaps', lost.length === 0 ? ['none: every second was counted'] : lost]);
  }
  if (failed.length > 0) fields.push(['failed', failed.map((one) => `${at(one.atMs)} ${failedWords(one)}`)]);
  return fields;
}

export function hitWords({ requests, failed }: NonNullable<RolloutView['traffic']>['candidate']): string {
  if (requests === 0) return 'no user got the candidate';
  return `${grouped(failed)} of ${grouped(requests)} requests on the candidate failed`;
}

export function failedWords({ replica, kind, status, method, path }: WhyView['failed'][number]): string {
  const what = {
    serverError: `${status ?? '5xx'}`,
    connectFailure: 'no connection',
    timeout: 'no answer in time',
  }[kind];
  const asked = method === null ? '' : `${printable(method)} ${printable(path ?? '')} `;
  return `${asked}${what} (replica ${replica})`;
}
