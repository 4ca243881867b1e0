import type { WhyView } from '../controller/views.ts';
import { formatElapsed } from '../lib/duration.ts';
import { printable } from '../release/problem.ts';
import { clockTime, dayTime, grouped, headOf, linesOf } from './format.ts';
import { flow, piece, segment, type Line } from './layout.ts';
import { renderChecks, renderLooks } from './render-checks.ts';

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
  if (rollout.traffic !== null) {
    const { stable, candidate } = rollout.traffic;
    const side = (label: string, one: typeof stable) =>
      `${printable(label)} ${grouped(one.requests)} requests, ${grouped(one.failed)} failed${one.errorPercent === null ? '' : ` (${one.errorPercent.toFixed(2)}%)`}`;
    field('traffic', [
      side(rollout.label, candidate),
      ...(rollout.from === null ? [] : [side(rollout.from, stable)]),
    ]);
  }
  if (rollout.verdict !== null) {
    field('judge', [printable(rollout.verdict.reason)]);
    if (rollout.endedAtMs === null && rollout.verdict.hold !== null)
      field('holds', [printable(rollout.verdict.hold)]);
    const sides = { candidate: printable(rollout.label), stable: printable(rollout.from ?? 'stable') };
    lines.push(...renderChecks(rollout.verdict, sides, width));
    lines.push(...renderLooks(rollout.verdict.looks, width));
  }
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
