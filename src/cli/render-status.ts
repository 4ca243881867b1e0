import type { RolloutView, ServiceView, StepView } from '../controller/views.ts';
import { formatDuration, formatElapsed } from '../lib/duration.ts';
import { printable } from '../release/problem.ts';
import { grouped, headOf, linesOf } from './format.ts';
import { flow, piece, segment, type Line, type Segment, type Style } from './layout.ts';
import { renderChecks, renderLooks } from './render-checks.ts';
import { certificateTrouble } from '../release/certificate-trouble.ts';
import { renderEarly } from './render-early.ts';
import { guardWords, renderGuards } from './render-guards.ts';
import { stateOf, stateOfIdle, stepPlace, versions } from './rollout-words.ts';

export type Look = {
  readonly width: number;
  readonly nowMs: number;
  /** Keys that work where it is shown, and what the last one came to. */
  readonly keys: readonly string[];
};

/** A service with its rollout, the one that ended last where none is under way. Pure: view in, lines out. */
export function renderService(view: ServiceView, look: Look): Line[] {
  return view.rollout === null
    ? renderIdle(view, look)
    : [
        ...renderRollout(view.rollout, look),
        ...previews(view, look),
        ...renderCertificates(view, look),
        ...(view.condition === 'serving' ? [] : field('users', [segment(usersWords(view), 'bad')], look)),
        ...renderGuards(view, look.width),
      ];
}

/** Where each version is reached alone. */
function previews({ slots }: ServiceView, look: Look): Line[] {
  const segments = (['blue', 'green'] as const).flatMap((name) => {
    const { role, label, preview } = slots[name];
    return preview === null || role === 'free' ? [] : [segment(`${printable(label ?? name)} ${preview}`)];
  });
  return segments.length === 0 ? [] : field('alone', segments, look);
}

/** Those that need somebody; silence is health. */
function renderCertificates({ certificates = [] }: ServiceView, look: Look): Line[] {
  const segments = certificates.flatMap((certificate) => {
    const trouble = certificateTrouble(certificate, look.nowMs);
    return trouble === null ? [] : [segment(printable(trouble.says), trouble.isBad ? 'bad' : 'warn')];
  });
  return segments.length === 0 ? [] : field('tls', segments, look);
}

function usersWords({ users, condition }: ServiceView): string {
  return condition === 'nothing serves' ? printable(users) : `${printable(users)}; ${condition}`;
}

/** One service on one line, for the overview. */
export function renderLine(view: ServiceView, look: Look): Line[] {
  const { rollout } = view;
  const state = rollout === null ? stateOfIdle(view) : stateOf(rollout);
  const about = rollout === null ? [] : [segment(stepPlace(rollout)), segment(rollout.id, 'dim')];
  const guards = guardWords(view);
  const head = [
    piece(`${printable(view.name)}  `, 'bold'),
    piece(`${state.mark} ${state.word}`, state.style),
  ];
  return flow(
    [...head, piece('  ')],
    [
      segment(printable(view.users)),
      ...(guards === null ? [] : [segment(guards, 'warn')]),
      ...about,
      segment(printable(view.door), 'dim'),
    ],
    {
      width: look.width,
      gap: 3,
    },
  );
}

function renderIdle(view: ServiceView, look: Look): Line[] {
  const state = stateOfIdle(view);
  const head = flow(
    [piece(`${printable(view.name)}  `, 'bold')],
    [
      segment(`${state.mark} ${state.word}`, state.style),
      segment(printable(view.users)),
      segment(printable(view.door), 'dim'),
    ],
    { width: look.width, gap: 3 },
  );
  const slots = (['blue', 'green'] as const).map((name) => {
    const slot = view.slots[name];
    if (slot.role === 'free') return segment(`${name} free`, 'dim');
    const kept =
      slot.keptUntilMs === null
        ? ''
        : `, warm for ${formatElapsed(Math.max(0, slot.keptUntilMs - look.nowMs))} more`;
    return segment(
      `${name} ${slot.role} ${printable(slot.label ?? '')} ${slot.healthy}/${slot.replicas} healthy${troubles(slot)}${kept}`,
    );
  });
  return [
    ...head,
    ...field('slots', slots, look),
    ...renderGuards(view, look.width),
    ...previews(view, look),
    ...renderCertificates(view, look),
    ...(view.last === null ? [] : renderLast(view.last, look)),
  ];
}

function renderLast(last: RolloutView, look: Look): Line[] {
  const { mark, word, style } = stateOf(last);
  const ago =
    last.endedAtMs === null ? '' : `, ${formatElapsed(Math.max(0, look.nowMs - last.endedAtMs))} ago`;
  return field(
    'last',
    [
      segment(`${last.id} ${versions(last)}`),
      segment(`${mark} ${word}`, style),
      segment(`${headOf(last.reason ?? '')}${ago}`),
    ],
    look,
  );
}

/** A rollout, under way or over. */
export function renderRollout(rollout: RolloutView, look: Look): Line[] {
  const { mark, word, style } = stateOf(rollout);
  const place = stepPlace(rollout);
  const endMs = rollout.endedAtMs ?? look.nowMs;
  const took = formatElapsed(Math.max(0, endMs - rollout.startedAtMs));
  const head = flow(
    [piece(`${printable(rollout.service)}  `, 'bold')],
    [
      [piece(`${mark} ${word}`, style), ...(place === '' ? [] : [piece(`  ${place}`)])],
      segment(versions(rollout), 'bold'),
      segment(rollout.id),
      segment(`${took}, by ${printable(rollout.actor)}`, 'dim'),
    ],
    { width: look.width, gap: 3 },
  );
  const lines = [
    ...head,
    ...traffic(rollout, look),
    ...renderEarly(rollout, look.width),
    ...judge(rollout, look),
    ...steps(rollout, look),
  ];
  if (rollout.waiting !== null)
    lines.push(...field('waiting', [segment(waitingWords(rollout, rollout.waiting), 'warn')], look));
  if (rollout.reason !== null)
    for (const [index, text] of linesOf(rollout.reason).entries())
      lines.push(...field(index === 0 ? 'because' : '', [segment(text.trim(), style)], look));
  const keys = rollout.phase === 'over' ? [] : look.keys.map((text) => segment(printable(text), 'dim'));
  const next = rollout.next === null ? [] : [segment(printable(rollout.next))];
  if (next.length + keys.length > 0)
    lines.push(...field(next.length > 0 ? 'next' : 'keys', [...next, ...keys], { ...look, gap: 6 }));
  return lines;
}

function field(name: string, segments: readonly Segment[], look: Look & { readonly gap?: number }): Line[] {
  return flow([piece(` ${name.padEnd(8)} `, 'dim')], segments, { width: look.width, gap: look.gap ?? 3 });
}

function traffic(rollout: RolloutView, look: Look): Line[] {
  if (rollout.phase === 'over') return [];
  const cells = look.width >= 100 ? 20 : 12;
  const candidate = Math.round((rollout.sharePercent / 100) * cells);
  const segments: Segment[] = [];
  const [former, latter] =
    rollout.phase === 'watching' ? (['former', 'stable'] as const) : (['stable', 'candidate'] as const);
  if (rollout.from !== null)
    segments.push(side(former, rollout.from, cells - candidate, 100 - rollout.sharePercent));
  // Whoever gets something has a bar.
  segments.push(
    side(latter, rollout.label, rollout.sharePercent > 0 ? Math.max(1, candidate) : 0, rollout.sharePercent),
  );
  const seen = rollout.verdict?.share;
  // Just after a share changed, the judge's last word is still about the former one.
  const isOfNow = rollout.phase === 'dwelling' && seen?.askedPercent === rollout.sharePercent;
  if (seen?.seenPercent !== null && seen !== undefined && isOfNow) {
    const all =
      (rollout.verdict?.candidateRequestsInStep ?? 0) + (rollout.verdict?.stableRequestsInStep ?? 0);
    segments.push(
      segment(
        `asked ${share(seen.askedPercent)}, seen ${share(seen.seenPercent)} of ${grouped(all)} req`,
        'dim',
      ),
    );
  }
  const odd = seen?.mismatch ?? seen?.warning ?? null;
  if (odd !== null) segments.push(segment(printable(odd), 'warn'));
  return field('traffic', segments, { ...look, gap: 4 });
}

function judge(rollout: RolloutView, look: Look): Line[] {
  const { verdict } = rollout;
  if (verdict === null) return [];
  const judged = [...verdict.checks, ...(verdict.measures ?? [])];
  const decided = judged.filter(({ state }) => state === 'worse' || state === 'not-worse').length;
  const passed = verdict.looks.filter((look) => look.state === 'pass').length;
  const count =
    verdict.looks.length > 0
      ? `${passed} of ${verdict.looks.length} measures pass`
      : `${decided} of ${judged.length} checks decided`;
  const [word, style] = judgeWords(verdict, count, rollout.phase === 'over');
  const advice = rollout.byHand ? [segment('advice only: the share was set by hand', 'warn')] : [];
  const sides = { candidate: printable(rollout.label), stable: printable(rollout.from ?? 'stable') };
  return [
    ...field('judge', [segment(word, style), ...advice], look),
    ...renderChecks(verdict, sides, look.width),
    ...renderLooks(verdict.looks, look.width),
  ];
}

function side(name: 'former' | 'stable' | 'candidate', label: string, bar: number, percent: number): Segment {
  return [
    piece(`${name} ${printable(label)} `),
    piece('█'.repeat(bar), name === 'candidate' ? 'warn' : 'plain'),
    piece(`${bar > 0 ? ' ' : ''}${share(percent)}`),
  ];
}

/** `24.8%`, `25%`. */
function share(percent: number): string {
  return `${Number(percent.toFixed(1))}%`;
}

function waitingWords(rollout: RolloutView, waiting: string): string {
  return rollout.paused || rollout.byHand ? printable(waiting) : `for ${printable(waiting)}`;
}

/** What was not seen is never called good. */
function judgeWords(
  verdict: NonNullable<RolloutView['verdict']>,
  count: string,
  over: boolean,
): readonly [string, Style] {
  switch (verdict.overall) {
    case 'harmful':
    case 'severe':
      return [`WORSE: ${printable(verdict.reason)}`, 'bad'];
    case 'safe':
      return verdict.looks.length > 0
        ? [`OK: ${printable(verdict.reason)}`, 'good']
        : [`OK: surely not worse by the limits (${count})`, 'good'];
    case 'suspicious':
      return [`suspicious: ${printable(verdict.reason)}`, 'warn'];
    case 'no-data':
      return ['no data yet', 'warn'];
    case 'undecided':
      if (over) return [`not decided: ${count}`, 'warn'];
      return count.startsWith('0 ') ? [`not decided: ${count}`, 'warn'] : [`OK so far: ${count}`, 'good'];
  }
}

function steps(rollout: RolloutView, look: Look): Line[] {
  const shown = rollout.steps.filter(
    (step) => !['start', 'ready'].includes(step.kind) || step.state === 'now',
  );
  return shown.length === 0
    ? []
    : field(
        'steps',
        shown.map((step) => stepSegment(step, rollout, step === rollout.steps[rollout.stepIndex])),
        look,
      );
}

function stepSegment(step: StepView, rollout: RolloutView, isLast: boolean): Segment {
  const seconds = step.seconds === null ? '' : ` ${wholeSeconds(step.seconds)}`;
  const label = printable(step.label);
  if (step.state === 'done') return [piece('✔ ', 'good'), piece(`${label}${seconds}`)];
  if (isLast && rollout.outcome !== null) return [piece('✖ ', 'bad'), piece(label)];
  if (step.state === 'todo') return [piece(`○ ${label}`, 'dim')];
  const least = step.atLeastSeconds === null ? '' : ` of ≥${formatDuration(step.atLeastSeconds * 1000)}`;
  return [piece('▶ ', 'warn'), piece(`${label}${seconds}${seconds === '' ? '' : least}`, 'bold')];
}

/** `4s`, `1m11s`. */
function wholeSeconds(seconds: number): string {
  return seconds < 10 ? `${Math.round(seconds)}s` : formatElapsed(seconds * 1000);
}

function troubles({ ejected = 0, queued = 0 }: ServiceView['slots']['blue']): string {
  return `${ejected === 0 ? '' : `, ${ejected} ejected`}${queued === 0 ? '' : `, ${queued} requests wait`}`;
}
