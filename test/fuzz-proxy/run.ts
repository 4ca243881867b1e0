import { judgeRequests, judgeResponses } from './conversation.ts';
import { conversationOf } from './requests.ts';
import type { World } from './world.ts';

/** How many conversations go on at a time. */
const ABREAST = 48;
export const RESPONSES_EACH = 10;
const SAMPLE_MS = 1000;
const MOST_FAILURES = 20;

export type Failure = {
  readonly kind: 'requests' | 'responses';
  readonly number: number;
  readonly wrong: string;
};

export type Report = {
  readonly sent: number;
  readonly answered: number;
  readonly arrived: number;
  readonly failures: readonly Failure[];
  /** The first conversation that was not begun. */
  readonly next: number;
  /** Memory of the worker, second by second. */
  readonly mib: readonly number[];
};

export type Range = { readonly seed: number; readonly from: number; readonly count: number };

/** `count` requests or more, and whatever their conversations hold besides. */
export async function fuzzRequests(world: World, { seed, from, count }: Range): Promise<Report> {
  let sent = 0;
  return run(world, 'requests', {
    from,
    isOver: () => sent >= count,
    judge: async (number) => {
      const conversation = conversationOf(seed, number);
      sent += conversation.sent;
      return { ...(await judgeRequests(world.port, conversation)), sent: conversation.sent };
    },
  });
}

export async function fuzzResponses(world: World, { seed, from, count }: Range): Promise<Report> {
  world.application.answerBy(seed);
  const before = world.application.count();
  let begun = 0;
  return run(world, 'responses', {
    from,
    isOver: () => world.application.count() - before >= count || begun * RESPONSES_EACH > 3 * count,
    judge: async (number) => {
      begun += 1;
      const numbers = Array.from({ length: RESPONSES_EACH }, (_, i) => number * RESPONSES_EACH + i);
      return { ...(await judgeResponses(world.port, numbers)), sent: numbers.length };
    },
  });
}

type Work = {
  readonly from: number;
  readonly isOver: () => boolean;
  readonly judge: (number: number) => Promise<{ wrong: string | null; answers: number; sent: number }>;
};

async function run(world: World, kind: Failure['kind'], { from, isOver, judge }: Work): Promise<Report> {
  const worker = world.workerPid();
  const arrivedBefore = world.application.count();
  const total = { sent: 0, answered: 0 };
  const failures: Failure[] = [];
  const mib: number[] = [];
  const underWay = new Set<number>();
  const sample = setInterval(() => mib.push(world.workerMiB()), SAMPLE_MS);
  let next = from;
  const blame = (wrong: string): void => {
    for (const number of underWay) failures.push({ kind, number, wrong });
  };
  const turn = async (): Promise<void> => {
    while (!isOver() && failures.length < MOST_FAILURES) {
      const number = next++;
      underWay.add(number);
      const { wrong, answers, sent } = await judge(number);
      total.sent += sent;
      total.answered += answers;
      if (wrong !== null) failures.push({ kind, number, wrong });
      // Which of those under way it was is found out by trying each alone.
      for (const each of world.application.complaints()) blame(`the application gets ${each}`);
      underWay.delete(number);
    }
  };
  await Promise.all(Array.from({ length: ABREAST }, turn));
  clearInterval(sample);
  if (world.workerPid() !== worker) failures.unshift({ kind, number: next, wrong: 'the worker crashed' });
  return { ...total, arrived: world.application.count() - arrivedBefore, failures, next, mib };
}
