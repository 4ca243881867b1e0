import { setTimeout as sleep } from 'node:timers/promises';
import type { App } from './stage.ts';
import { waitFor } from './wait-for.ts';

const PEOPLE = 40;
const ROUND_WITHIN_MS = 20_000;

/** Whom a share gave which version, by cookie. */
export type People = ReadonlyMap<string, string>;

/** Some visitors, with the versions that they get now. */
export async function people(app: App): Promise<People> {
  const cookies = await Promise.all(
    Array.from({ length: PEOPLE }, async () => (await app.ask({}, '/healthz')).cookie!),
  );
  return new Map(
    await Promise.all(
      cookies.map(async (cookie) => [cookie, (await app.ask({ cookie }, '/healthz')).version!] as const),
    ),
  );
}

export type Asking = {
  /** Resolves once everybody was asked, and answered, since now. */
  round(): Promise<void>;
  stop(): Promise<Asked>;
};

export type Asked = {
  /** Answers that were another version, or none of the application's, in words. */
  readonly wrong: readonly string[];
  readonly unanswered: number;
  /** The longest time from one answer of the application to the next. */
  readonly longestGapMs: number;
};

/** Asks one after the other, over and over, each time over a connection of its own. */
export function askEverybody(app: App, everybody: People): Asking {
  const wrong: string[] = [];
  const seen = { answered: 0, unanswered: 0, longestGapMs: 0, lastMs: performance.now() };
  const stopping = new AbortController();
  const answers = async (cookie: string, version: string): Promise<void> => {
    try {
      const answer = await app.ask({ cookie }, '/healthz');
      if (answer.version !== version) {
        if (answer.version !== null) wrong.push(`${answer.version} for one of ${version}`);
        seen.unanswered += 1;
        return;
      }
      seen.answered += 1;
      seen.longestGapMs = Math.max(seen.longestGapMs, performance.now() - seen.lastMs);
      seen.lastMs = performance.now();
    } catch {
      seen.unanswered += 1;
      // Refused at once: the next one need not be asked in the same moment.
      await sleep(5);
    }
  };
  const asking = (async () => {
    while (!stopping.signal.aborted)
      for (const [cookie, version] of everybody) if (!stopping.signal.aborted) await answers(cookie, version);
  })();
  return {
    round: async () => {
      const enough = seen.answered + everybody.size;
      await waitFor('an answer to everybody', () => seen.answered >= enough, { withinMs: ROUND_WITHIN_MS });
    },
    stop: async () => {
      stopping.abort();
      await asking;
      return { wrong, unanswered: seen.unanswered, longestGapMs: seen.longestGapMs };
    },
  };
}
