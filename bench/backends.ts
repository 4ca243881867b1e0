/**
 * The two backends of the benchmark: bytes in, 60 bytes out, as cheap as Node can, so that they are never what is measured.
 * Run as a program, it tells its ports to whoever forked it, and ends with them.
 */
import { fork } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { fileURLToPath } from 'node:url';
import type { Address } from '../src/lib/address.ts';

const BODY = `${'x'.repeat(59)}\n`;
const HEAD = `HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nX-Version: v1\r\nContent-Length: ${BODY.length}\r\n`;

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
    socket.on('data', (part) => {
      text += part.toString('latin1');
      let answers = '';
      for (let end = text.indexOf('\r\n\r\n'); end >= 0; end = text.indexOf('\r\n\r\n')) {
        const echo = /x-echo: ?(\d+)/i.exec(text.slice(0, end))?.[1];
        answers += `${HEAD}${echo === undefined ? '' : `X-Echo: ${echo}\r\n`}\r\n${BODY}`;
        text = text.slice(end + 4);
      }
      if (answers !== '') socket.write(answers, 'latin1');
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return (server.address() as AddressInfo).port;
}

if (import.meta.main) {
  process.send!([await listen(), await listen()]);
  process.once('disconnect', () => process.exit());
}
