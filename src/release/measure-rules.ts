import { formatDuration, parseDuration } from '../lib/duration.ts';
import { TELLING_APART, TEMPLATE_NAMES, templateNames } from './measure-template.ts';
import type { Measure, MeasureLimit, SourceKind } from './measure.ts';
import { nearest } from './nearest.ts';
import type { Path, Problem } from './problem.ts';

/** Rules for what a measure asks, and when. */

export type Found = { readonly path: Path; readonly problems: Problem[] };

export function checkTemplate(
  source: SourceKind,
  ask: string,
  limit: MeasureLimit | null,
  { path, problems }: Found,
): void {
  const names = templateNames(ask);
  const known = Object.keys(TEMPLATE_NAMES);
  for (const name of new Set(names.filter((one) => !known.includes(one)))) {
    const guess = nearest(name, known);
    problems.push({
      code: 'E063',
      path: [...path, source],
      at: 'value',
      message: `{{${name.slice(0, 40)}}} is nothing that can be filled in`,
      note: '',
      fix: guess === null ? `known are ${known.join(', ')}` : `did you mean {{${guess}}}?`,
    });
  }
  // A command has it in its environment, what is pushed comes with it.
  if (source === 'command' || source === 'pushed' || limit?.against !== 'stable') return;
  if (names.some((name) => (TELLING_APART as readonly string[]).includes(name))) return;
  problems.push({
    code: 'E064',
    path: [...path, source],
    at: 'value',
    message: 'this asks the same for both versions',
    note: 'nothing in it tells them apart',
    fix: 'put {{version}}, {{slot}} or {{role}} where the version stands',
  });
}

/** `[5m]` and `[5m:1m]` in PromQL, outside of text in quotes. */
const RANGES = /\[\s*([0-9a-z.]+)\s*(?::[^\]]*)?\]/gu;
const QUOTED = /"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'|`[^`]*`/gu;

/** An event in two windows would count twice, and two windows that share most of their events are hardly two. */
export function checkOverlap(ask: string, intervalMs: number, { path, problems }: Found): void {
  for (const [, written] of ask.replaceAll(QUOTED, '').matchAll(RANGES)) {
    const backMs = parseDuration(written!);
    if (backMs === undefined || backMs <= intervalMs) continue;
    problems.push({
      code: 'E065',
      path: [...path, 'prometheus'],
      at: 'value',
      message: `looks back ${written} every ${formatDuration(intervalMs)}: the same events would count more than once`,
      note: 'windows overlap',
      fix: `write [{{window}}], or interval: ${written}`,
    });
  }
}

const OF_WINDOW = new Set(['from', 'to', 'window', 'seconds']);
const MINUTE_MS = 60_000;

export function checkWindow(
  source: SourceKind,
  ask: string,
  intervalMs: number,
  { path, problems }: Found,
): void {
  if (source === 'cloudwatch' && intervalMs % MINUTE_MS !== 0) {
    problems.push({
      code: 'E069',
      path: [...path, 'interval'],
      at: 'value',
      message: 'an interval with cloudwatch is a number of whole minutes',
      note: formatDuration(intervalMs),
      fix: 'did you mean 1m?',
    });
  }
  if (source !== 'influxdb' || templateNames(ask).some((name) => OF_WINDOW.has(name))) return;
  problems.push({
    code: 'E069',
    path: [...path, source],
    at: 'value',
    message: 'this asks the same for every window',
    note: 'it does not name its window',
    fix: 'put {{from}} and {{to}} where the time stands',
  });
}

/** Measures whose first window no step of this dwell waits for. */
export function tooSlow(measures: readonly Measure[], atMostMs: number, path: Path): readonly Problem[] {
  return measures
    .filter(({ intervalMs, delayMs }) => intervalMs + delayMs > atMostMs)
    .map(({ name, intervalMs, delayMs }) => ({
      code: 'E068',
      path: [...path, 'judge', name],
      at: 'key',
      message: `${name} has its first window after ${formatDuration(intervalMs + delayMs)}, and a step lasts ${formatDuration(atMostMs)} at most`,
      note: 'no step has time for it',
      fix: 'write a shorter interval, or a longer dwell: {at-most: …}',
    }));
}
