import { type Server, type Socket, connect, createServer } from 'node:net';
import type { Back } from '../hold-port.ts';
import type { Waiter, WaitingRoom } from './worker/waiting-room.ts';

/** Read of what waits, so that it shows when its client leaves; the rest stays where it is. */
const MAX_READ_BYTES = 65_536;
/** The same, and what comes with the last read. */
const WAITING_BYTES = 2 * MAX_READ_BYTES;
/** Also for those that do not wait. */
const MAX_CONNECTIONS = 20_000;

export type Relay = { readonly room: WaitingRoom; readonly back: Back };

/**
 * Joins connections to where they are to go on once they may. What is read before is not looked at, so that whatever comes
 * is passed as it came: bodies, upgrades, anything.
 */
export function relayServer(relayOf: () => Relay | null): Server {
  const server = createServer({ pauseOnConnect: true, allowHalfOpen: true, noDelay: true }, (client) => {
    client.on('error', () => client.destroy());
    const relay = relayOf();
    if (relay === null) {
      turnAway(client, 'this service was taken away');
      return;
    }
    if (relay.room.isHolding) wait(client, relay);
    else join(client, relay.back);
  });
  server.maxConnections = MAX_CONNECTIONS;
  return server;
}

function wait(client: Socket, { room, back }: Relay): void {
  const chunks: Buffer[] = [];
  let bytes = 0;
  const take = (chunk: Buffer): void => {
    chunks.push(chunk);
    bytes += chunk.length;
    if (bytes >= MAX_READ_BYTES) client.pause();
  };
  const left = (): void => void client.destroy();
  const waiter: Waiter = {
    bytes: WAITING_BYTES,
    go: () => {
      client.off('data', take).off('end', left).pause();
      if (client.destroyed) return;
      if (bytes > 0) client.unshift(Buffer.concat(chunks));
      join(client, back);
    },
    turnAway: (reason) => {
      client.off('data', take).off('end', left);
      turnAway(client, reason);
    },
  };
  if (!room.enter(waiter)) {
    turnAway(client, 'too many requests wait at the door');
    return;
  }
  client.on('close', () => room.leave(waiter));
  client.on('data', take).on('end', left);
  client.resume();
}

function join(client: Socket, back: Back): void {
  const onward = connect({ ...back, allowHalfOpen: true, noDelay: true });
  let isJoined = false;
  onward.once('connect', () => {
    isJoined = true;
    client.pipe(onward);
    onward.pipe(client);
  });
  onward.on('error', () => {
    if (!isJoined) turnAway(client, 'the proxy behind does not answer');
    else client.destroy();
  });
  client.on('close', () => onward.destroy());
  onward.on('close', () => {
    if (isJoined && !client.writableEnded) client.destroy();
  });
}

/** How long the other side gets to read the answer. */
const LINGER_MS = 1000;

/** Reads what came away before it closes: an answer behind unread bytes would be lost to a reset. */
function turnAway(client: Socket, reason: string): void {
  const body = `503 ${reason}\n`;
  client.resume();
  client.end(
    `HTTP/1.1 503 Service Unavailable\r\nContent-Type: text/plain; charset=utf-8\r\nCache-Control: no-store\r\nRetry-After: 1\r\nContent-Length: ${body.length}\r\nConnection: close\r\n\r\n${body}`,
  );
  const timer = setTimeout(() => client.destroy(), LINGER_MS);
  timer.unref();
}
