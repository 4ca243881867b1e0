import type { RolloutView } from '../controller/views.ts';
import { formatElapsed } from '../lib/duration.ts';
import { printable } from '../release/problem.ts';
import { dayTime, headOf } from './format.ts';
import { piece, type Line } from './layout.ts';
import { stateOf } from './rollout-words.ts';

/** A line for each rollout, newest first. What does not fit is cut by the screen, the reason first. */
export function renderHistory(rollouts: readonly RolloutView[], timeZone: string | undefined): Line[] {
  const rows = rollouts.map((rollout) => [
    rollout.id,
    printable(rollout.service),
    rollout.from === null
      ? printable(rollout.label)
      : `${printable(rollout.from)} → ${printable(rollout.label)}`,
    dayTime(rollout.startedAtMs, timeZone),
    rollout.endedAtMs === null ? 'now' : formatElapsed(rollout.endedAtMs - rollout.startedAtMs),
  ]);
  const widths = [0, 1, 2, 3, 4].map((column) => Math.max(0, ...rows.map((row) => row[column]!.length)));
  return rollouts.map((rollout, index) => {
    const { mark, word, style } = stateOf(rollout);
    const cells = rows[index]!.map((cell, column) => cell.padEnd(widths[column]!)).join('  ');
    const reason = rollout.reason === null ? '' : `: ${headOf(rollout.reason)}`;
    return [piece(`${cells}  `), piece(`${mark} ${word}`, style), piece(reason)];
  });
}
