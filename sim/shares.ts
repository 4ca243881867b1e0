import type { JournalEntry } from '../src/journal/journal.ts';
import type { Plan } from '../src/release/plan.ts';
import type { Rollout, ServiceState } from '../src/rollout/state.ts';
import type { Route } from '../src/traffic/router.ts';
import type { Watched } from './audit.ts';
import type { Memory, Typed } from './memory.ts';

/** What the proxy has, and what was decided for it. */
type Share = { percent: number; sinceMs: number; readonly decided: Set<number> };

/** A word is recorded as soon as it is typed; a deploy looks things up first. */
const SPOKEN_WITHIN_MS = 10_000;
const BY_PERSON: Readonly<Record<string, readonly Typed[]>> = {
  promote: ['promote', 'promote-full'],
  resume: ['resume'],
  weight: ['weight'],
};

/** The candidate's share: it grows by planned steps, each as long as planned, or because a person says so. */
export class Shares {
  readonly #world: Watched;
  readonly #memory: Memory;
  readonly #breach: (what: string) => void;
  readonly #rollouts = new Map<string, Share>();

  constructor(world: Watched, memory: Memory, breach: (what: string) => void) {
    this.#world = world;
    this.#memory = memory;
    this.#breach = breach;
  }

  /** A decision was recorded. */
  decided(entry: JournalEntry, { rollout: was }: ServiceState): void {
    const state = entry.state as unknown as ServiceState | null;
    const is = state?.rollout ?? null;
    if (is !== null && is.ending === null) {
      const former = was?.id === is.id ? was.sharePercent : 0;
      if (is.sharePercent !== former) this.#of(is.id).decided.add(is.sharePercent);
      if (is.sharePercent > former) {
        const why = this.#whyNot(entry, former, is);
        if (why !== null)
          this.#breach(`the share of ${is.label} grows from ${former}% to ${is.sharePercent}%: ${why}`);
      }
    }
    const isWatched = was?.phase === 'watching' && is?.id !== was.id && entry.kind === 'watched';
    const step = was?.plan.steps.find(({ kind }) => kind === 'watch');
    if (isWatched && step?.kind === 'watch') this.#lasted(was, step.forMs, 'watched');
  }

  /** The proxy uses another route. What it lost and was given again has not grown. */
  grew(state: ServiceState, after: Route): void {
    const { rollout } = state;
    if (rollout === null) return;
    const share = this.#of(rollout.id);
    const percent = percentOf(after, state);
    const was = share.percent;
    if (percent > was && rollout.ending === null) {
      if (!share.decided.has(percent))
        this.#breach(`the share of ${rollout.label} grows from ${was}% to ${percent}%: nobody decided that`);
      const heldAt = this.#memory.held.get(rollout.id);
      if (heldAt !== undefined && after.revision > heldAt)
        this.#breach(`the share of ${rollout.label} grows from ${was}% to ${percent}%, and it is paused`);
    }
    if (percent === was) return;
    share.percent = percent;
    share.sinceMs = this.#world.time.monotonicMs;
  }

  #of(rollout: string): Share {
    const known = this.#rollouts.get(rollout);
    if (known !== undefined) return known;
    const begun = { percent: 0, sinceMs: this.#world.time.monotonicMs, decided: new Set<number>() };
    this.#rollouts.set(rollout, begun);
    return begun;
  }

  /** Null when it may grow. */
  #whyNot({ kind, event }: JournalEntry, was: number, { id, plan, sharePercent }: Rollout): string | null {
    const words = BY_PERSON[kind];
    if (words !== undefined) {
      const since = this.#world.time.monotonicMs - SPOKEN_WITHIN_MS;
      return words.some((word) => this.#memory.wasTyped(word, since)) ? null : 'nobody said so';
    }
    const planned = sharesOf(plan);
    if (sharePercent !== planned.find((percent) => percent > was))
      return `the plan says ${planned.join(', ')}`;
    // Where others had to agree, what stands before that was over before they were asked.
    const isAgreed = plan.steps.some((step) => step.kind === 'approval');
    const hasWaited = isAgreed && (kind === 'approve' || kind === 'clockAdvanced');
    if (sharePercent === 100 && !hasWaited && plan.steps.some((step) => step.kind === 'ask'))
      return 'a person was to be asked';
    const step = plan.steps.find((one) => one.kind === 'share' && one.percent === was);
    if (step?.kind !== 'share') return null;
    const { verdict } = event as { readonly verdict?: { readonly overall: string } };
    const { sinceMs } = this.#of(id);
    // A person went on sooner, to where others have to agree: by promote, or by resume after a share by hand.
    const sooner: readonly Typed[] = ['promote', 'promote-full', 'resume'];
    if (hasWaited && sooner.some((word) => this.#memory.wasTyped(word, sinceMs))) return null;
    return this.#tooShort(id, verdict?.overall === 'safe' || hasWaited ? step.atLeastMs : step.atMostMs);
  }

  #lasted({ id, label }: Rollout, forMs: number, what: string): void {
    const short = this.#tooShort(id, forMs);
    if (short !== null) this.#breach(`${label} is ${what} ${short}`);
  }

  #tooShort(rollout: string, leastMs: number): string | null {
    const { percent, sinceMs } = this.#of(rollout);
    const forMs = this.#world.time.monotonicMs - sinceMs;
    if (forMs >= leastMs) return null;
    return `after ${forMs} ms at ${percent}%, ${leastMs} were planned`;
  }
}

function sharesOf({ steps }: Plan): readonly number[] {
  return steps.flatMap((step) =>
    step.kind === 'share' ? [step.percent] : step.kind === 'full' ? [100] : [],
  );
}

/** The candidate's share of the users as a route asks for it. */
function percentOf(route: Route, state: ServiceState): number {
  const candidate = state.rollout?.candidate;
  if (candidate === undefined) return 0;
  if (route.serve === candidate) return 100;
  return route.split?.slot === candidate ? route.split.sharePercent : 0;
}
