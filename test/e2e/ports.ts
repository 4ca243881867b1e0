import { once } from 'node:events';
import { createServer } from 'node:net';

/**
 * Ports for what tests start. They are claimed in blocks, each by an abstract socket that this process holds to its end:
 * tests beside it get others, also while nothing listens yet.
 */
const BLOCK = 32;
/** Below what Linux gives to outgoing connections, so that none of those takes one meanwhile. */
const LOWEST = 10_240;
const HIGHEST = 32_000;
const BLOCKS = Math.floor((HIGHEST - LOWEST) / BLOCK);

const left: number[] = [];

/** Ports on 127.0.0.1 that are free, all different. */
export async function freePorts(count: number): Promise<number[]> {
  while (left.length < count) {
    const first = await freeRange(BLOCK);
    for (let port = first; port < first + BLOCK; port += 1) left.push(port);
  }
  return left.splice(0, count);
}

/** The first of `count` ports in a row on 127.0.0.1 that are free. */
export async function freeRange(count: number): Promise<number> {
  const blocks = Math.ceil(count / BLOCK);
  for (let tries = 0; tries < 100; tries += 1) {
    const from = Math.floor(Math.random() * (BLOCKS - blocks + 1));
    const first = LOWEST + from * BLOCK;
    if (!(await claim(from, blocks))) continue;
    const ports = Array.from({ length: count }, (_, index) => first + index);
    if ((await Promise.all(ports.map(isFree))).every(Boolean)) return first;
  }
  throw new Error(`no ${count} free ports in a row between ${LOWEST} and ${HIGHEST}`);
}

/** All of them or none. */
async function claim(from: number, count: number): Promise<boolean> {
  const claims = Array.from({ length: count }, () => createServer().unref());
  const got = await Promise.all(
    claims.map((server, index) => listens(server, { path: `\0bascule-test-ports-${from + index}` })),
  );
  if (got.every(Boolean)) return true;
  for (const [index, server] of claims.entries()) if (got[index] === true) server.close();
  return false;
}

async function isFree(port: number): Promise<boolean> {
  const server = createServer();
  const free = await listens(server, { host: '127.0.0.1', port, exclusive: true });
  if (free) await once(server.close(), 'close');
  return free;
}

function listens(
  server: ReturnType<typeof createServer>,
  where: Parameters<typeof server.listen>[0],
): Promise<boolean> {
  return new Promise((resolve) => {
    server.once('error', () => resolve(false));
    server.listen(where, () => resolve(true));
  });
}
