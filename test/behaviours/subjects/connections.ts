import { connect } from 'node:net';
import type { Subject, Way } from '../case.ts';
import { firstStatus } from './heads.ts';

function get(path: string, ...lines: readonly string[]): string {
  return `${[`GET ${path} HTTP/1.1`, 'Host: shop.test', ...lines].join('\r\n')}\r\n\r\n`;
}

/** Whether the connection is open after an answer. */
async function stays(way: Way, request: string): Promise<string> {
  const socket = connect({ port: way.port(), host: '127.0.0.1' });
  const result = Promise.withResolvers<string>();
  socket.on('error', () => {});
  socket.on('data', () => setTimeout(() => result.resolve('open'), 1000));
  socket.on('close', () => result.resolve('closed'));
  socket.write(request);
  const found = await result.promise;
  socket.destroy();
  return found;
}

function count(text: string, what: RegExp): number {
  return [...text.matchAll(what)].length;
}

export const CONNECTIONS: Subject = {
  title: 'Connections',
  cases: [
    { name: 'after a request of HTTP/1.1', wanted: 'open', see: (way) => stays(way, get(way.path)) },
    {
      name: 'after Connection: close',
      wanted: 'closed',
      see: (way) => stays(way, get(way.path, 'Connection: close')),
    },
    {
      name: 'after a request of HTTP/1.0',
      wanted: 'closed',
      see: (way) => stays(way, `GET ${way.path} HTTP/1.0\r\nHost: shop.test\r\n\r\n`),
    },
    {
      name: 'after a request of HTTP/1.0 with keep-alive',
      wanted: 'open',
      see: (way) =>
        stays(way, `GET ${way.path} HTTP/1.0\r\nHost: shop.test\r\nConnection: keep-alive\r\n\r\n`),
    },
    {
      name: 'after a 404 of the proxy',
      wanted: 'open',
      see: (way) => stays(way, get('/').replace('shop.test', 'other.test')),
    },
    {
      name: 'after a malformed request',
      wanted: 'closed',
      see: (way) => stays(way, get(way.path, 'A b')),
    },
    {
      name: 'after an error of the application',
      wanted: 'open',
      see: (way) => {
        way.on((_req, res) => res.writeHead(500, { 'content-length': '2' }).end('no'));
        return stays(way, get(way.path));
      },
    },
    {
      name: 'an application that closes its connection does not close the client’s',
      wanted: 'open',
      see: (way) => {
        way.on((_req, res) => res.writeHead(200, { 'content-length': '2', connection: 'close' }).end('ok'));
        return stays(way, get(way.path));
      },
    },
    {
      name: 'ten pipelined requests are answered in order',
      wanted: '0123456789',
      see: async ({ path, on, raw }) => {
        on((req, res) =>
          setTimeout(() => res.end(`<${req.url!.slice(-1)}>`), 10 - Number(req.url!.slice(-1))),
        );
        const all = Array.from({ length: 10 }, (_, i) => get(`${path}?${i}`)).join('');
        const text = await raw(all, (so) => count(so, /<\d>/g) === 10);
        return [...text.matchAll(/<(\d)>/g)].map(([, digit]) => digit).join('');
      },
    },
    {
      name: 'of pipelined requests the application has at a time',
      wanted: '1',
      see: async ({ path, on, raw }) => {
        let now = 0;
        let most = 0;
        on((_req, res) => {
          now += 1;
          most = Math.max(most, now);
          setTimeout(() => {
            now -= 1;
            res.end('<done>');
          }, 20);
        });
        await raw(get(path).repeat(5), (text) => count(text, /<done>/g) === 5);
        return String(most);
      },
    },
    {
      name: 'a sound request before a malformed one is answered',
      wanted: '200, 400',
      see: async ({ path, raw }) =>
        [...(await raw(get(path) + get(path, 'A b'))).matchAll(/HTTP\/1\.1 (\d+)/g)]
          .map(([, code]) => code)
          .join(', '),
    },
    {
      name: 'a request in single bytes',
      wanted: '200',
      see: async ({ path, port }) => {
        const socket = connect({ port: port(), host: '127.0.0.1', noDelay: true });
        const result = Promise.withResolvers<string>();
        socket.setEncoding('latin1');
        socket.on('error', () => {});
        socket.on('data', (text: string) => result.resolve(firstStatus(text)));
        for (const byte of get(path, 'Connection: close')) {
          socket.write(byte);
          await new Promise(setImmediate);
        }
        const found = await result.promise;
        socket.destroy();
        return found;
      },
    },
    {
      name: 'a client that leaves is felt by the application',
      wanted: 'felt',
      see: async ({ path, port, on }) => {
        const result = Promise.withResolvers<string>();
        const socket = connect({ port: port(), host: '127.0.0.1' });
        on((req) => {
          req.socket.on('close', () => result.resolve('felt'));
          socket.destroy();
        });
        socket.on('error', () => {});
        socket.write(get(path));
        const never = setTimeout(() => result.resolve('not felt'), 2000);
        const found = await result.promise;
        clearTimeout(never);
        return found;
      },
    },
    {
      name: 'a client that ends its side after the request',
      wanted: 'not answered',
      see: async ({ path, port, on }) => {
        on((_req, res) => setTimeout(() => res.end('ok'), 100));
        const socket = connect({ port: port(), host: '127.0.0.1', allowHalfOpen: true });
        const result = Promise.withResolvers<string>();
        socket.setEncoding('latin1');
        socket.on('error', () => {});
        socket.on('data', (text: string) => result.resolve(firstStatus(text)));
        socket.on('end', () => result.resolve('not answered'));
        socket.end(get(path, 'Connection: close'));
        const found = await result.promise;
        socket.destroy();
        return found;
      },
    },
    {
      name: 'requests of several clients share connections to the application',
      wanted: 'shared',
      see: async ({ on, ask }) => {
        const ports = new Set<number>();
        on((req, res) => {
          ports.add(req.socket.remotePort!);
          res.end('ok');
        });
        for (let i = 0; i < 6; i += 1) await ask();
        return ports.size < 6 ? 'shared' : 'one each';
      },
    },
    {
      name: 'a malformed request is told apart from a closed connection',
      wanted: '400',
      see: async ({ raw }) => firstStatus(await raw('\x16\x03\x01\x02\x00\x01\r\n\r\n')),
    },
    {
      name: 'a target in no known form',
      wanted: '400',
      see: async ({ raw }) =>
        firstStatus(await raw('GET shop HTTP/1.1\r\nHost: shop.test\r\nConnection: close\r\n\r\n')),
    },
    {
      name: 'a head that grows too large',
      wanted: '431',
      see: async ({ path, raw }) => firstStatus(await raw(get(path, `X-A: ${'a'.repeat(100_000)}`))),
    },
    {
      name: 'more than 100 fields',
      wanted: '431',
      see: async ({ path, raw }) =>
        firstStatus(
          await raw(get(path, 'Connection: close', ...Array.from({ length: 120 }, (_, i) => `X-${i}: a`))),
        ),
    },
    {
      name: 'two Hosts',
      wanted: '400',
      see: async ({ path, raw }) =>
        firstStatus(await raw(get(path, 'Host: other.test', 'Connection: close'))),
    },
    {
      name: 'both a length and chunks',
      wanted: '400',
      see: async ({ path, raw }) =>
        firstStatus(
          await raw(
            `${get(path, 'Content-Length: 5', 'Transfer-Encoding: chunked', 'Connection: close')}0\r\n\r\n`,
          ),
        ),
    },
    {
      name: 'a target that contradicts Host',
      wanted: '400',
      see: async ({ path, raw }) =>
        firstStatus(await raw(get(`http://other.test${path}`, 'Connection: close'))),
    },
  ],
};
