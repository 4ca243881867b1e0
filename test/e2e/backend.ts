/**
 * A backend of a slot: the example shop in a process of its own, which notes when requests start.
 * As a program it takes its release as JSON in argv; as a module it starts such programs.
 */
import { fork } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import type { Duplex } from 'node:stream';
import { fileURLToPath } from 'node:url';
import type { Address } from '../../src/lib/address.ts';
import { acceptOf, frame } from './load/websockets.ts';
import { loadShop } from './shop.ts';
import type { ShopRelease } from './shop.ts';

export type Backend = {
  readonly address: Address;
  readonly pid: number;
  /** When the last request but health probes started here, on the clock of `sharedMicros`; 0 for none so far. */
  lastStartMicros(): Promise<number>;
  stop(): Promise<void>;
};

/** Microseconds of the machine's monotonic clock: the same in every process, and it never jumps. */
export function sharedMicros(): number {
  return Number(process.hrtime.bigint() / 1000n);
}

export async function startBackend(release: Partial<ShopRelease> & { version: string }): Promise<Backend> {
  const child = fork(fileURLToPath(import.meta.url), [JSON.stringify(release)], { execArgv: [] });
  const [port] = (await once(child, 'message')) as [number];
  return {
    address: { host: '127.0.0.1', port },
    pid: child.pid!,
    lastStartMicros: async () => {
      const answer = once(child, 'message');
      child.send('last');
      return ((await answer) as [number])[0];
    },
    stop: () => endChild(child, 'SIGTERM'),
  };
}

/** By its own handle, so never another process's pid. */
async function endChild(child: ChildProcess, signal: NodeJS.Signals): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exit = once(child, 'exit');
  child.kill(signal);
  const timer = setTimeout(() => child.kill('SIGKILL'), 3000);
  await exit;
  clearTimeout(timer);
}

async function main(release: ShopRelease): Promise<void> {
  const shop = (await loadShop())(release);
  let lastMicros = 0;
  shop.prependListener('request', (request) => {
    if (request.url !== '/healthz') lastMicros = sharedMicros();
  });
  shop.on('upgrade', (request, socket) => echo(request.headers['sec-websocket-key'] ?? '', socket));
  shop.listen(0, '127.0.0.1', () => process.send!((shop.address() as AddressInfo).port));
  process.on('message', () => process.send!(lastMicros));
  process.once('SIGTERM', () => process.exit());
  process.on('SIGINT', () => undefined);
  process.once('disconnect', () => process.exit());
}

/** A WebSocket that says again what it hears, in frames below 126 bytes. */
function echo(key: string, socket: Duplex): void {
  socket.write(
    `HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ${acceptOf(key)}\r\n\r\n`,
  );
  socket.on('error', () => socket.destroy());
  let bytes: Buffer = Buffer.alloc(0);
  socket.on('data', (data: Buffer) => {
    bytes = Buffer.concat([bytes, data]);
    for (let length = bytes[1]! & 0x7f; bytes.length >= 6 + length; length = bytes[1]! & 0x7f) {
      const [first, mask] = [bytes[0]!, bytes.subarray(2, 6)];
      const payload = bytes.subarray(6, 6 + length).map((byte, at) => byte ^ mask[at % 4]!);
      bytes = bytes.subarray(6 + length);
      socket.write(frame(first, Buffer.from(payload), false));
      if ((first & 0x0f) === 8) socket.end();
    }
  });
}

if (import.meta.main) {
  const defaults = { medianMs: 0, errorRate: 0, slowdown: 1, tickMs: 100 };
  await main({ ...defaults, ...(JSON.parse(process.argv[2]!) as { version: string }) });
}
