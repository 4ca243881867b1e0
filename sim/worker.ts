import { parentPort } from 'node:worker_threads';
import { playChunk, type Chunk } from './chunk.ts';

/** Plays the chunks that it is given, one at a time. */
parentPort?.on('message', (chunk: Chunk) => {
  // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a thread is not a window
  void playChunk(chunk).then((played) => parentPort?.postMessage(played));
});
