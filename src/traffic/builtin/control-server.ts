import { randomUUID } from 'node:crypto';
import { rmSync, statSync } from 'node:fs';
import { chmod, link, rename, rm, stat, unlink } from 'node:fs/promises';
import { type Server, type Socket, connect, createServer } from 'node:net';
import { dirname, join } from 'node:path';
import { OperatingError, messageOf } from '../../lib/errors.ts';
import {
  type ControlCall,
  type ControlRequest,
  type ControlResponse,
  LineSplitter,
  MAX_CONNECTIONS,
  writeTogether,
} from './control-protocol.ts';

/** The kernel's limit for the path of a unix socket. */
const MAX_SOCKET_PATH_BYTES = 107;

export type ControlServer = {
  /** From now on whoever asks for the proxy gets this one, also if another one answered up to now. */
  takePlace(isFormerAlive: boolean): Promise<void>;
  /** Ends all conversations, after what was said last. */
  leave(): void;
  /** Ends all conversations. */
  close(): void;
};

export type ControlHandler = (call: ControlCall) => Promise<unknown>;

/**
 * Answers the controller on `path`. A socket left by a proxy that died is replaced, one that a running proxy answers on
 * is not, unless `hasFormer`: then that one goes on answering until `takePlace`. Errors: TRAFFIC_PROXY_RUNNING,
 * TRAFFIC_STATE_UNWRITABLE.
 */
export async function serveControl(
  path: string,
  handler: ControlHandler,
  hasFormer = false,
): Promise<ControlServer> {
  if (Buffer.byteLength(path) > MAX_SOCKET_PATH_BYTES) {
    throw new OperatingError(
      'TRAFFIC_STATE_UNWRITABLE',
      `The proxy did not start: the path of its control socket, ${path}, is longer than the ${MAX_SOCKET_PATH_BYTES} bytes that the system allows. Choose a shorter state directory.`,
      { retryable: false },
    );
  }
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
    converse(socket, handler);
  });
  server.maxConnections = MAX_CONNECTIONS;
  if (!hasFormer) await clearStale(path);
  // Under a name of its own first: what is closed takes its name away, which then must not be another proxy's.
  const own = join(dirname(path), `${process.pid}.sock`);
  await rm(own, { force: true });
  await listen(server, own);
  await chmod(own, 0o600);
  const { ino } = await stat(own);
  if (!hasFormer)
    await putInPlace(own, path).catch((error: unknown) => {
      server.close();
      throw error;
    });
  return {
    takePlace: async (isFormerAlive) => {
      if (isFormerAlive) {
        await rename(own, path);
      } else {
        // Somebody may have started another one already.
        await clearStale(path);
        await putInPlace(own, path);
      }
    },
    leave: () => {
      server.close();
      for (const socket of sockets) socket.end();
    },
    close: () => {
      server.close();
      for (const socket of sockets) socket.destroy();
      if (statSync(path, { throwIfNoEntry: false })?.ino === ino) rmSync(path, { force: true });
    },
  };
}

function listen(server: Server, path: string): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(path, resolve);
  });
}

/** Of two that start at once, one gets the place. */
async function putInPlace(own: string, path: string): Promise<void> {
  try {
    await link(own, path);
  } catch (error) {
    throw (error as NodeJS.ErrnoException).code === 'EEXIST' ? alreadyRunning(path) : error;
  } finally {
    await unlink(own);
  }
}

/** Renamed before it is removed: of two proxies that start at once, neither takes away the other's new socket. */
async function clearStale(path: string): Promise<void> {
  if (await answers(path)) throw alreadyRunning(path);
  const aside = `${path}.${randomUUID().slice(0, 8)}`;
  try {
    await rename(path, aside);
  } catch {
    return;
  }
  const wasAlive = await answers(aside);
  if (wasAlive) await link(aside, path).catch(() => {});
  await unlink(aside);
  if (wasAlive) throw alreadyRunning(path);
}

function answers(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(path);
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', () => resolve(false));
  });
}

function converse(socket: Socket, handler: ControlHandler): void {
  const lines = new LineSplitter();
  socket.on('error', () => socket.destroy());
  socket.on('data', (chunk: Buffer) => {
    const whole = lines.split(chunk);
    if (whole === null) {
      socket.destroy();
      return;
    }
    for (const line of whole) void reply(socket, line, handler);
  });
}

async function reply(socket: Socket, line: string, handler: ControlHandler): Promise<void> {
  let request: ControlRequest;
  try {
    request = JSON.parse(line) as ControlRequest;
  } catch {
    socket.destroy();
    return;
  }
  let response: ControlResponse;
  try {
    response = { id: request.id, ok: true, value: await handler(request.call) };
  } catch (error) {
    const known = error instanceof OperatingError;
    const code = known ? error.code : 'TRAFFIC_PROXY_FAULT';
    response = {
      id: request.id,
      ok: false,
      error: { code, message: messageOf(error), retryable: known && error.retryable },
    };
  }
  if (!socket.destroyed) writeTogether(socket, `${JSON.stringify(response)}\n`);
}

function alreadyRunning(path: string): OperatingError {
  return new OperatingError(
    'TRAFFIC_PROXY_RUNNING',
    `A proxy did not start: another one answers on ${path} and keeps serving. Use that one, or stop it first.`,
    { retryable: false },
  );
}
