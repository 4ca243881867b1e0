import { localTime } from '../lib/local-time.ts';

/** While somebody holds it, only they start and promote. Nobody's way back ever asks for it. */
export type Lock = {
  /** The holder, as the actor of verbs is called. */
  readonly by: string;
  /** By the wall clock, as every time here but where a hold began. */
  readonly atMs: number;
  readonly reason: string;
  /** When it goes by itself, or null. */
  readonly untilMs: number | null;
  /** IANA name, for people who read when it ends. */
  readonly timeZone: string;
};

/** A time in which nothing is started; with `alsoAdvancing`, a rollout under way stays where it is as well. */
export type Freeze = {
  /** Who: a person; or where: `/etc/bascule/server.yaml line 12`. */
  readonly by: string;
  /** `service`: by a person, on one. `server`: by a person, on all. `file`: by the server's own file. */
  readonly scope: 'service' | 'server' | 'file';
  readonly fromMs: number;
  /** When it goes by itself, or null. */
  readonly untilMs: number | null;
  /** IANA name, for people who read when it ends. */
  readonly timeZone: string;
  readonly alsoAdvancing: boolean;
  readonly reason: string | null;
};

/** Why a rollout does not go on by itself although nobody paused it; `reason`: the freezes in words, `sinceMs` by the steady clock. */
export type Hold = { readonly sinceMs: number; readonly reason: string };

/** Every freeze of one scope is by somebody else: who freezes again changes their own. */
export const MOST_FREEZES = 20;

export function isOn(guard: { readonly untilMs: number | null }, wallMs: number): boolean {
  return guard.untilMs === null || wallMs < guard.untilMs;
}

/** With this one added, in place of the one that the same person put there before. */
export function frozenBy(freezes: readonly Freeze[], freeze: Freeze): readonly Freeze[] {
  return [...freezes.filter((one) => one.by !== freeze.by), freeze];
}

/** `by ana (unverified) ("sale") until Mon 2026-11-30 08:00 CET (Europe/Berlin)`. */
export function freezeWords(freeze: Freeze): string {
  const why = freeze.reason === null ? '' : ` ("${freeze.reason}")`;
  const whom = freeze.scope === 'server' ? ', together with every service' : '';
  return `by ${freeze.by}${whom}${why} ${endWords(freeze, 'lifts it')}`;
}

export function lockWords(lock: Lock): string {
  return `by ${lock.by} ("${lock.reason}") ${endWords(lock, 'releases it')}`;
}

function endWords(
  guard: { readonly untilMs: number | null; readonly timeZone: string },
  otherwise: string,
): string {
  return guard.untilMs === null
    ? `until somebody ${otherwise}`
    : `until ${localTime(guard.untilMs, guard.timeZone)}`;
}
