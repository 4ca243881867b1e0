import type { EarlyView, RolloutView, SideView } from '../controller/views.ts';
import { printable } from '../release/problem.ts';
import { grouped } from './format.ts';
import { flow, piece, segment, type Line, type Segment, type Style } from './layout.ts';
import { renderChecks, renderLooks } from './render-checks.ts';

/** What came before the first share, in words: its numbers, and always beside them what they say nothing about. Pure. */

type Sides = { readonly candidate: string; readonly stable: string };

const FIELD: Readonly<Record<EarlyView['kind'], string>> = { mirror: 'mirror', 'header-only': 'header' };

/** The part that is judged now, or was last while there is no word on a share. */
export function renderEarly(rollout: RolloutView, width: number): Line[] {
  const last = rollout.early?.at(-1);
  return last === undefined || rollout.verdict !== null ? [] : linesOf(last, sidesOf(rollout), width);
}

/** Every part. */
export function renderAllEarly(rollout: RolloutView, width: number): Line[] {
  return (rollout.early ?? []).flatMap((one) => linesOf(one, sidesOf(rollout), width));
}

/** The same for a report. */
export function earlyFacts(rollout: RolloutView): readonly (readonly [string, string])[] {
  return (rollout.early ?? []).flatMap((one) => [
    [one.kind, `${wordOf(one)[0]}; ${numbersOf(one)}`] as const,
    [`${one.kind} cannot see`, one.unseen.join('; ')] as const,
  ]);
}

function linesOf(one: EarlyView, sides: Sides, width: number): Line[] {
  const [word, style] = wordOf(one);
  const field = (name: string, segments: readonly Segment[]): Line[] =>
    flow([piece(` ${name.padEnd(8)} `, 'dim')], segments, { width, gap: 3 });
  return [
    ...field(FIELD[one.kind], [segment(word, style), segment(numbersOf(one), 'dim')]),
    ...renderChecks({ checks: one.checks }, sides, width),
    ...renderLooks(one.looks, width),
    ...field(
      'unseen',
      one.unseen.map((text) => segment(printable(text), 'dim')),
    ),
  ];
}

/** What was not seen is never called good. */
function wordOf({ kind, overall, reason }: EarlyView): readonly [string, Style] {
  const why = printable(reason);
  switch (overall) {
    case 'harmful':
    case 'severe':
      return [`WORSE: ${why}`, 'bad'];
    case 'safe':
      return [`not worse, as far as ${kind === 'mirror' ? 'copies' : 'they'} show: ${why}`, 'good'];
    case 'suspicious':
      return [`suspicious: ${why}`, 'warn'];
    case 'quiet':
      return [why, 'plain'];
    case 'undecided':
      return [`not decided: ${why}`, 'warn'];
    case 'no-data':
      return [`no data yet: ${why}`, 'warn'];
  }
}

function numbersOf({ kind, traffic, dropped }: EarlyView): string {
  const lost = dropped === 0 ? '' : `, ${grouped(dropped)} more not sent`;
  const [mine, theirs] =
    kind === 'mirror' ? ['copies', 'stable, of the same requests'] : ['requests that chose it', 'stable'];
  return `${sideWords(traffic.candidate)} ${mine} failed${lost}; ${theirs}: ${sideWords(traffic.stable)}`;
}

/** `3 of 412`. */
function sideWords({ failed, requests }: SideView): string {
  return `${grouped(failed)} of ${grouped(requests)}`;
}

function sidesOf(rollout: RolloutView): Sides {
  return { candidate: printable(rollout.label), stable: printable(rollout.from ?? 'stable') };
}
