/**
 * The two backends of the benchmark: bytes in, 60 bytes out (102,400 for `/100k`, WebSockets that echo at `/echo`), as cheap as
 * Node can, so that they are never what is measured. Run as a program, it tells its ports to whoever forked it, and ends with them.
 */
import { fork } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:net';
import type { AddressInfo, Socket } from 'node:net';
import { fileURLToPath } from 'node:url';
import type { Address } from '../src/lib/address.ts';
import { acceptOf } from '../test/e2e/load/websockets.ts';
import { ECHO, FROM_CLIENT } from './proxy/messages.ts';

const BODY = `${'x'.repeat(59)}\n`;
const HEAD = headOf(BODY.length);
const LARGE = Buffer.from(`${headOf(102_400)}\r\n${'x'.repeat(102_400)}`, 'latin1');

function headOf(length: number): string {
  return `HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nX-Version: v1\r\nContent-Length: ${length}\r\n`;
}

export async function startBackends(): Promise<{
  addresses: readonly [Address, Address];
  child: ChildProcess;
}> {
  const child = fork(fileURLToPath(import.meta.url), [], { execArgv: [] });
  const [ports] = (await once(child, 'message')) as [[number, number]];
  return { addresses: [toAddress(ports[0]), toAddress(ports[1])], child };
}

function toAddress(port: number): Address {
  return { host: '127.0.0.1', port };
}

async function listen(): Promise<number> {
  const server = createServer({ noDelay: true }, (socket) => {
    let text = '';
    socket.on('error', () => socket.destroy());
    const take = (part: Buffer): void => {
      text += part.toString('latin1');
      let answers = '';
      for (let end = text.indexOf('\r\n\r\n'); end >= 0; end = text.indexOf('\r\n\r\n')) {
        const head = text.slice(0, end);
        text = text.slice(end + 4);
        if (head.startsWith('GET /100k ')) socket.write(LARGE);
        else if (head.startsWith('GET /echo ')) {
          socket.off('data', take);
          return upgrade(socket, head);
        } else {
          const echo = /x-echo: ?(\d+)/i.exec(head)?.[1];
          answers += `${HEAD}${echo === undefined ? '' : `X-Echo: ${echo}\r\n`}\r\n${BODY}`;
        }
      }
      if (answers !== '') socket.write(answers, 'latin1');
    };
    socket.on('data', take);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return (server.address() as AddressInfo).port;
}

/** Every client of the benchmark says the same message: as many are answered as came. */
function upgrade(socket: Socket, head: string): void {
  const key = /^sec-websocket-key: *(\S+)/im.exec(head)?.[1] ?? '';
  socket.write(
    `HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ${acceptOf(key)}\r\n\r\n`,
  );
  let bytes = 0;
  socket.on('data', (part) => {
    bytes += part.length;
    for (; bytes >= FROM_CLIENT.length; bytes -= FROM_CLIENT.length) socket.write(ECHO);
  });
}

if (import.meta.main) {
  process.send!([await listen(), await listen()]);
  process.once('disconnect', () => process.exit());
}
