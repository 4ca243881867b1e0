import { setTimeout as sleep } from 'node:timers/promises';
import { treeMemoryKib } from '../cpu.ts';
import type { Peer } from '../peers.ts';
import { begin } from './child.ts';
import { type Ground, startEntry } from './entry.ts';

const CONNECTIONS = 10_000;
/** The first ones make a proxy load its code and fill its pools. */
const FIRST = 500;
const SETTLE_MS = 3000;

export type Idle = { readonly kibEach: number; readonly lost: number };

/** What each of 10,000 clients costs that have asked once and are idle, in a proxy just started: its processes' memory, not the kernel's. */
export async function idleMemory(peer: Peer, ground: Ground): Promise<Idle> {
  const entry = await startEntry(peer, ground);
  const clients = begin('idle-load.ts', [entry.ports.port, FIRST, CONNECTIONS - FIRST]);
  try {
    await clients.next();
    await sleep(SETTLE_MS);
    const before = treeMemoryKib(entry.running.pid);
    await clients.ask();
    await sleep(SETTLE_MS);
    const after = treeMemoryKib(entry.running.pid);
    const open = (await clients.ask()) as number;
    return { kibEach: (after - before) / (CONNECTIONS - FIRST), lost: CONNECTIONS - open };
  } finally {
    await clients.end();
    await entry.running.stop();
  }
}
