import type { AuditView, ServiceView } from '../controller/views.ts';
import { localTime } from '../lib/local-time.ts';
import { printable } from '../release/problem.ts';
import { dayTime } from './format.ts';
import { flow, piece, segment, type Line, type Style } from './layout.ts';

type Lock = NonNullable<ServiceView['lock']>;
type Freeze = ServiceView['freezes'][number];

/** `by ana (unverified): reason, until …`. */
export function lockLine(lock: Lock): string {
  return `by ${lock.by}: ${lock.reason}; ${endWords(lock)}`;
}

export function freezeLine(freeze: Freeze): string {
  const why = freeze.reason === null ? '' : `: ${freeze.reason}`;
  const all = freeze.scope === 'server' ? ', with every service' : '';
  const held = freeze.alsoAdvancing ? '; also advancing' : '';
  return `by ${freeze.by}${all}${why}; ${endWords(freeze)}${held}`;
}

function endWords(guard: { readonly untilMs: number | null; readonly timeZone: string }): string {
  return guard.untilMs === null ? 'until it is lifted' : `until ${localTime(guard.untilMs, guard.timeZone)}`;
}

/** What stands before going forward, a line or more for each. */
export function renderGuards(view: Pick<ServiceView, 'lock' | 'freezes'>, width: number): Line[] {
  const rows = [
    ...(view.lock === null ? [] : [['locked', lockLine(view.lock)] as const]),
    ...view.freezes.map((freeze) => ['frozen', freezeLine(freeze)] as const),
  ];
  return rows.flatMap(([name, text]) =>
    flow([piece(` ${name.padEnd(8)} `)], [segment(printable(text), 'warn')], { width, gap: 3 }),
  );
}

/** `locked`, `frozen`: for a service on one line. */
export function guardWords({ lock, freezes }: Pick<ServiceView, 'lock' | 'freezes'>): string | null {
  const words = [...(lock === null ? [] : ['locked']), ...(freezes.length === 0 ? [] : ['frozen'])];
  return words.length === 0 ? null : words.join(', ');
}

const STYLE_OF: Readonly<Record<AuditView['result'], Style>> = {
  done: 'good',
  nothing: 'dim',
  refused: 'bad',
};

/** Two lines for each: who asked for what, and what came of it. */
export function renderAudit(
  entries: readonly AuditView[],
  look: { readonly width: number; readonly timeZone: string | undefined },
): Line[] {
  return entries.flatMap((entry) => {
    const { service, verb, actor, role, from, result, code, reason } = entry;
    const what = `${verb} ${service ?? (verb.endsWith('freeze') ? '--all' : '')}`.trim();
    const why = reason === null ? [] : [segment(`"${printable(reason)}"`)];
    const head = flow(
      [piece(`${dayTime(entry.atMs, look.timeZone)}  `)],
      [
        segment(printable(what), 'bold'),
        segment(code === null ? result : `${result} (${printable(code)})`, STYLE_OF[result]),
        segment(`by ${printable(actor)}${role === null ? '' : ` as ${printable(role)}`}`),
        ...(from === null ? [] : [segment(`from ${printable(from)}`, 'dim')]),
        ...why,
      ],
      { width: look.width, gap: 2 },
    );
    const said = entry.says.length === 0 ? [] : [segment(printable(entry.says.join('; ')), 'dim')];
    return [...head, ...flow([piece(' '.repeat(18))], said, { width: look.width, gap: 1 })];
  });
}
