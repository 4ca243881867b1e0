import { Cron } from 'croner';
import type { Freeze } from '../rollout/guard.ts';

/** A freeze that comes again and again, out of the server file. */
export type FreezeRule = {
  /** Five fields: minute, hour, day, month, weekday. */
  readonly cron: string;
  readonly forMs: number;
  /** IANA name. */
  readonly timeZone: string;
  /** Null: all. */
  readonly services: readonly string[] | null;
  readonly alsoAdvancing: boolean;
  readonly reason: string | null;
  /** `/etc/bascule/server.yaml line 12`. */
  readonly place: string;
};

/** One that begins anew this often before it has ended never ends: the file is refused. */
const MOST_JOINED = 60;
/** No cron of five fields depends on the year but for leap days; so any day will do to ask it. */
const ANY_DAY = Date.UTC(2026, 0, 1);

type Span = {
  readonly fromMs: number;
  readonly toMs: number;
  readonly freeze: Freeze | null;
  readonly nextMs: number | null;
};

type Entry = { readonly rule: FreezeRule; readonly cron: Cron; span: Span | null };

/** Says which freezes of the server file are on. Asks a cron only when what it said last is over. */
export class Calendar {
  readonly #entries: readonly Entry[];

  constructor(rules: readonly FreezeRule[]) {
    this.#entries = rules.map((rule) => ({ rule, cron: cronOf(rule), span: null }));
  }

  frozen(service: string, atMs: number): readonly Freeze[] {
    return this.#of(service).flatMap((entry) => spanNow(entry, atMs).freeze ?? []);
  }

  /** When the next one that is not on yet begins, and which; null: never. */
  next(service: string, atMs: number): { readonly atMs: number; readonly rule: FreezeRule } | null {
    return (
      this.#of(service)
        .flatMap((entry) => {
          const { nextMs } = spanNow(entry, atMs);
          return nextMs === null ? [] : [{ atMs: nextMs, rule: entry.rule }];
        })
        .sort((one, other) => one.atMs - other.atMs)[0] ?? null
    );
  }

  #of(service: string): readonly Entry[] {
    return this.#entries.filter(({ rule }) => rule.services === null || rule.services.includes(service));
  }
}

function spanNow(entry: Entry, atMs: number): Span {
  // A clock that was put back asks anew as well.
  if (entry.span === null || atMs < entry.span.fromMs || atMs >= entry.span.toMs)
    entry.span = spanAt(entry.rule, entry.cron, atMs);
  return entry.span;
}

/** What is wrong with a rule, or null. */
export function ruleFault(rule: Pick<FreezeRule, 'cron' | 'forMs' | 'timeZone'>): string | null {
  let cron: Cron;
  try {
    cron = cronOf(rule);
  } catch (error) {
    const why = error instanceof Error ? error.message.replace(/^Cron\w+: /, '') : String(error);
    return `cron "${rule.cron}" is not understood: ${why}`;
  }
  const first = startAfter(cron, ANY_DAY);
  if (first === null) return `cron "${rule.cron}" never comes`;
  return endOf(cron, first, rule.forMs) === null
    ? `a freeze that begins at "${rule.cron}" would begin anew before it ends, and so never end: shorten "for"`
    : null;
}

function cronOf(rule: Pick<FreezeRule, 'cron' | 'timeZone'>): Cron {
  return new Cron(rule.cron, { timezone: rule.timeZone, paused: true, mode: '5-part' });
}

function startAfter(cron: Cron, atMs: number): number | null {
  return cron.nextRun(new Date(atMs))?.getTime() ?? null;
}

/** What is true at this moment, and how long it stays so. */
function spanAt(rule: FreezeRule, cron: Cron, atMs: number): Span {
  const first = startAfter(cron, atMs - rule.forMs);
  if (first === null || first > atMs)
    return { fromMs: atMs, toMs: first ?? Infinity, freeze: null, nextMs: first };
  const untilMs = endOf(cron, first, rule.forMs) ?? atMs + rule.forMs;
  const freeze: Freeze = {
    by: rule.place,
    scope: 'file',
    fromMs: first,
    untilMs,
    timeZone: rule.timeZone,
    alsoAdvancing: rule.alsoAdvancing,
    reason: rule.reason,
  };
  return { fromMs: atMs, toMs: untilMs, freeze, nextMs: null };
}

/** The end of the freeze that begins then, with those joined to it that begin before it ends; null: it goes on and on. */
function endOf(cron: Cron, startMs: number, forMs: number): number | null {
  let endMs = startMs + forMs;
  let next = startAfter(cron, startMs);
  for (let joined = 0; next !== null && next <= endMs; joined += 1) {
    if (joined === MOST_JOINED) return null;
    endMs = next + forMs;
    next = startAfter(cron, next);
  }
  return endMs;
}
