import { connect } from 'node:net';
import type { Case, Subject, UpgradeHandler, Way } from '../case.ts';

const SWITCHED = 'HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n';
const echo: UpgradeHandler = (_req, socket, head) => {
  socket.write(SWITCHED);
  if (head.length > 0) socket.write(head);
  socket.pipe(socket);
};

function upgrade(protocol: string): string {
  return `GET $PATH HTTP/1.1\r\nHost: shop.test\r\nConnection: Upgrade\r\nUpgrade: ${protocol}\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n`;
}

/** How long an application waits for its client to have got the beginning, before it gives the rest. */
const PATIENCE_MS = 3000;

/** Whether the client has what the application began with before that goes on. */
async function beginning(way: Way, head: Readonly<Record<string, string>>, first: string): Promise<string> {
  const got = Promise.withResolvers<string>();
  way.on((_req, res) => {
    res.writeHead(200, head);
    if (first === '') res.flushHeaders();
    else res.write(first);
    const late = setTimeout(() => got.resolve('with the rest'), PATIENCE_MS);
    void got.promise.then(() => {
      clearTimeout(late);
      res.end('the rest');
    });
  });
  await way.raw('GET $PATH HTTP/1.1\r\nHost: shop.test\r\nConnection: close\r\n\r\n', (text) => {
    if (text.includes(first === '' ? '\r\n\r\n' : first)) got.resolve('at once');
    return text.includes('the rest');
  });
  return got.promise;
}

/** Opens a tunnel, and says how it goes on. */
function tunnel(
  name: string,
  wanted: string,
  go: (way: Way, socket: ReturnType<typeof connect>) => Promise<string>,
): Case {
  return {
    name,
    wanted,
    see: async (way) => {
      way.onUpgrade(echo);
      const socket = connect({ port: way.port(), host: '127.0.0.1', noDelay: true });
      socket.on('error', () => {});
      socket.setEncoding('latin1');
      try {
        return await go(way, socket);
      } finally {
        socket.destroy();
      }
    },
  };
}

function until(socket: ReturnType<typeof connect>, is: (text: string) => boolean): Promise<string> {
  return new Promise((resolve) => {
    let text = '';
    const look = (part: string): void => {
      text += part;
      if (is(text)) resolve(text);
    };
    socket.on('data', look);
    socket.on('close', () => resolve(text));
  });
}

export const STREAMS: Subject = {
  title: 'Streams and other protocols',
  cases: [
    {
      name: 'the first event of an event stream comes',
      wanted: 'at once',
      see: (way) => beginning(way, { 'content-type': 'text/event-stream' }, 'data: 1'),
    },
    {
      name: 'the first part of a slow page comes',
      wanted: 'at once',
      see: (way) => beginning(way, { 'content-type': 'text/html' }, '<h1>'),
    },
    {
      name: 'a head without a body yet comes',
      wanted: 'at once',
      see: (way) => beginning(way, { 'content-type': 'text/event-stream' }, ''),
    },
    tunnel('a WebSocket is opened, and echoes', 'hello', async (way, socket) => {
      const text = until(socket, (all) => all.includes('hello'));
      socket.write(upgrade('websocket').replace('$PATH', way.path));
      socket.write('hello');
      return (await text).startsWith('HTTP/1.1 101') ? 'hello' : (await text).slice(0, 12);
    }),
    tunnel('what follows an upgrade in the same packet is not lost', 'early', async (way, socket) => {
      const text = until(socket, (all) => all.includes('early'));
      socket.write(`${upgrade('websocket').replace('$PATH', way.path)}early`);
      return (await text).includes('early') ? 'early' : 'lost';
    }),
    tunnel('any protocol can be switched to', '101', async (way, socket) => {
      const text = until(socket, (all) => all.includes('\r\n\r\n'));
      socket.write(upgrade('echo').replace('$PATH', way.path));
      return /^HTTP\/1\.1 (\d+)/.exec(await text)?.[1] ?? 'closed';
    }),
    tunnel('a client that leaves a tunnel is felt by the application', 'felt', async (way, socket) => {
      const felt = Promise.withResolvers<string>();
      way.onUpgrade((_req, application) => {
        application.write(SWITCHED);
        application.on('end', () => felt.resolve('felt'));
        application.on('close', () => felt.resolve('felt'));
        application.resume();
      });
      const text = until(socket, (all) => all.includes('\r\n\r\n'));
      socket.write(upgrade('websocket').replace('$PATH', way.path));
      await text;
      socket.destroy();
      const never = setTimeout(() => felt.resolve('not felt'), 2000);
      const result = await felt.promise;
      clearTimeout(never);
      return result;
    }),
    tunnel('an application that closes a tunnel closes it for the client', 'closed', async (way, socket) => {
      way.onUpgrade((_req, application) => application.end(`${SWITCHED}bye`));
      const all = until(socket, () => false);
      socket.write(upgrade('websocket').replace('$PATH', way.path));
      return (await all).endsWith('bye') ? 'closed' : 'otherwise';
    }),
    tunnel('a megabyte goes through a tunnel', 'whole', async (way, socket) => {
      const big = 'x'.repeat(1_000_000);
      const text = until(socket, (all) => all.length > big.length + 60 && all.endsWith('!'));
      socket.write(upgrade('echo').replace('$PATH', way.path));
      socket.write(`${big}!`);
      return (await text).endsWith(`${big}!`) ? 'whole' : 'otherwise';
    }),
    {
      name: 'an upgrade that the application refuses is answered with its status',
      wanted: '403',
      see: async ({ onUpgrade, raw }) => {
        onUpgrade((_req, socket) => socket.end('HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\n\r\nno'));
        return /^HTTP\/1\.1 (\d+)/.exec(await raw(upgrade('websocket'), (text) => text.includes('no')))![1]!;
      },
    },
    {
      name: 'an upgrade to h2c is not made',
      wanted: 'not asked for',
      see: async ({ path, reflected }) => {
        const { raw } = await reflected({
          whole: path,
          headers: ['Connection: Upgrade', 'Upgrade: h2c'],
        }).catch(() => ({ raw: ['upgrade', 'passed on'] }));
        return raw.some((each) => /^upgrade$/i.test(each)) ? 'passed on' : 'not asked for';
      },
    },
  ],
};
