import { setTimeout as sleep } from 'node:timers/promises';
import type { Api } from '../../bench/scale/api.ts';
import type { ServiceView } from '../../src/controller/views.ts';
import { type App, type Settings, told } from '../e2e/stage.ts';
import { waitFor } from '../e2e/wait-for.ts';

const SHARES_EACH = 10;
const SHARE_MS = 400;
const TELL_MS = 20;
const PATIENT = { withinMs: 90_000, everyMs: 100 };

/** What was done to a service. */
export type Deeds = {
  rollouts: number;
  abortions: number;
  /** Taken back by the judge. */
  judged: number;
  shares: number;
  restarts: number;
  applies: number;
};

type Part = {
  readonly app: App;
  readonly api: Api;
  /** What the file says besides; the first is there at the beginning. */
  readonly variants: readonly Settings[];
  /** Told after each change. */
  readonly changed: () => void;
};

/**
 * Releases versions of one service one after another, moves their shares about, restarts replicas and changes what the file says,
 * without a rest.
 */
export class Director {
  readonly deeds: Deeds = { rollouts: 0, abortions: 0, judged: 0, shares: 0, restarts: 0, applies: 0 };
  readonly #part: Part;
  #version = 1;
  #variant = 0;

  constructor(part: Part) {
    this.#part = part;
  }

  async run(until: () => boolean): Promise<void> {
    while (!until()) {
      await this.#release(until);
      await this.#restart();
      // One replica alone is no state to restart it in.
      for (let i = 0; (i < 2 && !until()) || this.#replicas() < 2; i++) await this.#reload();
    }
    await this.#settle();
  }

  async #release(until: () => boolean): Promise<void> {
    const { app } = this.#part;
    this.#version += 1;
    await app.deployDetached(`v${this.#version}`);
    await app.until('at a share', ({ rollout }) => rollout?.phase === 'dwelling', PATIENT);
    for (let i = 0; i < SHARES_EACH && !until() && (await this.#move()); i++) await sleep(SHARE_MS);
    const { last } = await this.#during(async () => {
      if ((await app.view()).rollout !== null)
        await (this.#version % 4 === 0 ? this.#verb('abort') : this.#verb('promote', '--full'));
      return app.until('over', ({ rollout }) => rollout === null, PATIENT);
    });
    if (last!.outcome === 'done') this.deeds.rollouts++;
    else if (last!.outcome === 'aborted') this.deeds.abortions++;
    else this.deeds.judged++;
  }

  /** Another share, at random. False where the judge has ended the rollout. */
  async #move(): Promise<boolean> {
    const { app, api, changed } = this.#part;
    const percent = 1 + Math.floor(Math.random() * 95);
    try {
      await api('POST', `/services/${app.name}/weight`, { percent });
    } catch (error) {
      if (isEnding(await app.view())) return false;
      throw error;
    }
    changed();
    this.deeds.shares++;
    const reached = `${100 - percent}% on`;
    const view = await app.until(
      `at ${percent} %`,
      (seen) => (seen.rollout?.phase === 'dwelling' && seen.users.startsWith(reached)) || isEnding(seen),
      PATIENT,
    );
    return !isEnding(view);
  }

  /** One replica of stable is told to end, as a person would; the server starts it again. */
  async #restart(): Promise<void> {
    const { app } = this.#part;
    const pid = await app.pidOf('stable');
    await this.#during(() => {
      process.kill(-pid, 'SIGTERM');
      return waitFor(
        `${app.name}: a replica in the place of ${pid}, and all healthy`,
        async () => {
          const isGone = (await app.replicas()).every(({ session }) => session.pid !== pid);
          const { slots } = await app.view();
          return isGone && Object.values(slots).every(({ healthy, replicas }) => healthy === replicas);
        },
        PATIENT,
      );
    });
    this.deeds.restarts++;
  }

  async #reload(): Promise<void> {
    const { app, variants } = this.#part;
    this.#variant = (this.#variant + 1) % variants.length;
    await app.describe(variants[this.#variant]!);
    const replicas = this.#replicas();
    await this.#during(async () => {
      await this.#verb('apply');
      await app.until(
        `${replicas} replicas`,
        ({ slots }) =>
          Object.values(slots).some(({ role, healthy }) => role === 'stable' && healthy === replicas),
        PATIENT,
      );
    });
    this.deeds.applies++;
  }

  #replicas(): number {
    return Number(this.#part.variants[this.#variant]!['replicas']);
  }

  /** Tells again and again that the route changes while it may: who was told to leave may have come a moment before. */
  async #during<T>(act: () => Promise<T>): Promise<T> {
    const timer = setInterval(this.#part.changed, TELL_MS);
    try {
      return await act();
    } finally {
      clearInterval(timer);
    }
  }

  /** As it was at the beginning, so that descriptors compare. */
  async #settle(): Promise<void> {
    while (this.#variant !== 0) await this.#reload();
    const { app } = this.#part;
    await app.until('nothing kept', isAlone, PATIENT);
  }

  async #verb(verb: string, ...flags: string[]): Promise<void> {
    const ran = await this.#part.app.verb(verb, ...flags);
    if (ran.code !== 0) throw new Error(`${verb} ${this.#part.app.name}: ${told(ran)}`);
  }
}

function isAlone({ slots }: ServiceView): boolean {
  return Object.values(slots).filter(({ role }) => role !== 'free').length === 1;
}

/** Nothing moves its share any more. */
function isEnding({ rollout }: ServiceView): boolean {
  return rollout === null || rollout.phase === 'returning' || rollout.phase === 'retiring';
}
