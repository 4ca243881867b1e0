import { Worker } from 'node:worker_threads';
import { playChunk, type Chunk, type Played } from './chunk.ts';

const SEEDS_AT_ONCE = 20;

/** Plays seeds on so many threads; what one seed comes to does not depend on how many there are. */
export async function playAll(
  all: Chunk,
  parts: {
    readonly jobs: number;
    /** By `performance.now()`: nothing more is begun then. */
    readonly untilMs: number;
    readonly heard: (played: Played) => void;
  },
): Promise<void> {
  const { jobs, untilMs, heard } = parts;
  const end = all.from + all.seeds;
  let next = all.from;
  let isOver = false;
  const take = (): Chunk | null => {
    if (isOver || next >= end || performance.now() > untilMs) return null;
    const chunk = { ...all, from: next, seeds: Math.min(SEEDS_AT_ONCE, end - next) };
    next += chunk.seeds;
    return chunk;
  };
  const hear = (played: Played): void => {
    heard(played);
    isOver ||= all.stop && played.breaches.length > 0;
  };
  const players = Array.from({ length: jobs }, () => (jobs === 1 ? alone() : inThread()));
  await Promise.all(players.map((player) => playUntilNone(player, take, hear)));
}

type Player = { play(chunk: Chunk): Promise<Played>; end(): Promise<unknown> };

async function playUntilNone(
  player: Player,
  take: () => Chunk | null,
  hear: (played: Played) => void,
): Promise<void> {
  try {
    for (let chunk = take(); chunk !== null; chunk = take()) hear(await player.play(chunk));
  } finally {
    await player.end();
  }
}

function alone(): Player {
  return { play: playChunk, end: async () => undefined };
}

function inThread(): Player {
  const worker = new Worker(new URL('worker.ts', import.meta.url));
  return {
    play: (chunk) =>
      new Promise((resolve, reject) => {
        worker.once('error', reject);
        worker.once('message', (played: Played) => {
          worker.off('error', reject);
          resolve(played);
        });
        // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a thread is not a window
        worker.postMessage(chunk);
      }),
    end: () => worker.terminate(),
  };
}
