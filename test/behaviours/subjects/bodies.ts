import { createHash } from 'node:crypto';
import { connect } from 'node:net';
import { type Case, type Subject, type Way, listed, valuesIn } from '../case.ts';
import { firstStatus } from './heads.ts';

const CHUNKED = 'Transfer-Encoding: chunked';

function arrives(name: string, body: string, lines: readonly string[], sent: string): Case {
  return {
    name,
    wanted: 'whole',
    see: async ({ reflected }) => {
      const got = await reflected({ method: 'POST', headers: lines, body: sent });
      return got.body === body ? 'whole' : `${got.body.length} of ${body.length} bytes`;
    },
  };
}

function length(body: string): string {
  return `Content-Length: ${body.length}`;
}

/** Sends a head, then pieces of a body as the application has what came before. */
async function inPieces({ path, port, on }: Way, head: string, pieces: readonly string[]): Promise<string> {
  const seen: number[] = [];
  const socket = connect({ port: port(), host: '127.0.0.1', noDelay: true });
  const done = Promise.withResolvers<string>();
  let next = 0;
  const sendNext = (): void => {
    if (next < pieces.length) socket.write(pieces[next++]!, 'latin1');
  };
  on((req, res) => {
    req.on('data', (part: Buffer) => {
      seen.push(part.length);
      sendNext();
    });
    req.on('end', () => res.end('done'));
  });
  const waiting = setTimeout(() => done.resolve('held back until it is whole'), 3000);
  let text = '';
  socket.setEncoding('latin1');
  socket.on('error', () => {});
  socket.on('data', (part: string) => {
    text += part;
    if (text.includes('done')) done.resolve(`as it comes, in ${seen.length} pieces`);
  });
  socket.write(`POST ${path} HTTP/1.1\r\nHost: shop.test\r\n${head}\r\n\r\n`);
  sendNext();
  const result = await done.promise;
  clearTimeout(waiting);
  socket.destroy();
  return result;
}

async function expecting(way: Way, answer: 'continue' | 'refuse'): Promise<string> {
  way.on((req, res) => {
    if (answer === 'refuse') {
      res.writeHead(401, { 'content-length': '0' }).end();
      return;
    }
    res.writeContinue();
    req.resume().on('end', () => res.end('done'));
  });
  const socket = connect({ port: way.port(), host: '127.0.0.1' });
  socket.setEncoding('latin1');
  const statuses: string[] = [];
  const done = Promise.withResolvers<void>();
  socket.on('error', () => done.resolve());
  socket.on('close', () => done.resolve());
  socket.on('data', (part: string) => {
    for (const [, status] of part.matchAll(/HTTP\/1\.1 (\d+)/g)) {
      statuses.push(status!);
      if (status === '100') socket.write('hello');
      else done.resolve();
    }
  });
  socket.write(
    `POST ${way.path} HTTP/1.1\r\nHost: shop.test\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n`,
  );
  await done.promise;
  socket.destroy();
  return statuses.join(', ');
}

const BIG = 'b'.repeat(900_000);

export const BODIES: Subject = {
  title: 'Bodies of requests',
  cases: [
    arrives('a body with a length', 'hello', [length('hello')], 'hello'),
    arrives('a body of no bytes', '', ['Content-Length: 0'], ''),
    arrives('a body of 900,000 bytes', BIG, [length(BIG)], BIG),
    arrives('a body of every byte', bytes(), [length(bytes())], bytes()),
    arrives('a body in chunks', 'hello world', [CHUNKED], '5\r\nhello\r\n6\r\n world\r\n0\r\n\r\n'),
    arrives('chunks with extensions', 'hello', [CHUNKED], '5;a=b\r\nhello\r\n0;c\r\n\r\n'),
    arrives(
      'a chunk size in capitals, with zeros before it',
      'h'.repeat(26),
      [CHUNKED],
      `01A\r\n${'h'.repeat(26)}\r\n0\r\n\r\n`,
    ),
    {
      name: 'a GET with a body',
      wanted: 'hello',
      see: async ({ reflected }) => (await reflected({ headers: [length('hello')], body: 'hello' })).body,
    },
    {
      name: 'a DELETE with a body',
      wanted: 'hello',
      see: async ({ reflected }) =>
        (await reflected({ method: 'DELETE', headers: [length('hello')], body: 'hello' })).body,
    },
    {
      name: 'trailers of a request',
      wanted: 'X-Sum 1',
      see: async ({ reflected }) => {
        const body = '5\r\nhello\r\n0\r\nX-Sum: 1\r\n\r\n';
        return (await reflected({ method: 'POST', headers: [CHUNKED], body })).trailers.join(' ') || 'none';
      },
    },
    {
      name: 'a trailer that frames or routes',
      wanted: 'none',
      see: async ({ reflected }) => {
        const body = '5\r\nhello\r\n0\r\nHost: b\r\nX-Forwarded-For: 6.6.6.6\r\n\r\n';
        return (await reflected({ method: 'POST', headers: [CHUNKED], body })).trailers.join(' ') || 'none';
      },
    },
    {
      name: 'framing of chunks for the application',
      wanted: 'chunked, length none',
      see: async ({ reflected }) => {
        const { raw } = await reflected({ method: 'POST', headers: [CHUNKED], body: '1\r\na\r\n0\r\n\r\n' });
        return `${listed(valuesIn(raw, 'transfer-encoding'))}, length ${listed(valuesIn(raw, 'content-length'))}`;
      },
    },
    {
      name: 'an upload with a length reaches the application',
      wanted: 'as it comes, in 3 pieces',
      see: (way) => inPieces(way, 'Content-Length: 9', ['one', 'two', 'six']),
    },
    {
      name: 'an upload in chunks reaches the application',
      wanted: 'as it comes, in 2 pieces',
      see: (way) => inPieces(way, CHUNKED, ['3\r\none\r\n', '3\r\ntwo\r\n0\r\n\r\n']),
    },
    {
      name: 'Expect: 100-continue is answered by the application',
      wanted: '100, 200',
      see: (way) => expecting(way, 'continue'),
    },
    {
      name: 'Expect: 100-continue is refused by the application, and nothing is sent',
      wanted: '401',
      see: (way) => expecting(way, 'refuse'),
    },
    {
      name: 'another expectation',
      wanted: '417',
      see: async ({ ask }) =>
        String((await ask({ method: 'POST', headers: ['Expect: magic', length('a')], body: 'a' })).status),
    },
    {
      name: 'a body announced as longer than allowed',
      wanted: '413',
      see: async ({ ask }) =>
        String(
          (
            await ask({
              door: 'limited',
              method: 'POST',
              headers: ['Content-Length: 1001'],
              body: 'a'.repeat(1001),
            })
          ).status,
        ),
    },
    {
      name: 'chunks that grow longer than allowed',
      wanted: '413',
      see: async ({ raw }) =>
        firstStatus(
          await raw(
            `POST $PATH HTTP/1.1\r\nHost: a\r\n${CHUNKED}\r\nConnection: close\r\n\r\n${`200\r\n${'a'.repeat(512)}\r\n`.repeat(3)}0\r\n\r\n`,
            (text) => text.includes('\r\n\r\n'),
            'limited',
          ),
        ),
    },
    {
      name: 'a malformed chunk',
      wanted: '400',
      see: async ({ raw }) =>
        firstStatus(
          await raw(`POST $PATH HTTP/1.1\r\nHost: shop.test\r\n${CHUNKED}\r\n\r\nzz\r\nhello\r\n0\r\n\r\n`),
        ),
    },
    {
      name: 'a body broken off does not look whole to the application',
      wanted: 'broken off',
      see: async ({ path, port, on }) => {
        const seen = Promise.withResolvers<string>();
        on((req) => {
          req.on('end', () => seen.resolve('whole'));
          req.on('error', () => seen.resolve('broken off'));
          req.resume();
        });
        const socket = connect(port(), '127.0.0.1');
        socket.on('error', () => {});
        socket.write(
          `POST ${path} HTTP/1.1\r\nHost: shop.test\r\nContent-Length: 100000\r\n\r\n${'a'.repeat(50_000)}`,
        );
        const gone = setTimeout(() => socket.destroy(), 150);
        const never = setTimeout(() => seen.resolve('not asked'), 3000);
        const result = await seen.promise;
        clearTimeout(gone);
        clearTimeout(never);
        socket.destroy();
        return result;
      },
    },
    {
      name: 'an answer before the body was sent ends the exchange',
      wanted: '403',
      see: async (way) => {
        way.on((_req, res) => res.writeHead(403, { 'content-length': '0' }).end());
        return firstStatus(
          await way.raw(
            'POST $PATH HTTP/1.1\r\nHost: shop.test\r\nContent-Length: 1000000\r\n\r\npart',
            (text) => text.includes('\r\n\r\n'),
          ),
        );
      },
    },
    {
      name: 'a body of 2 MB arrives as it was sent',
      wanted: 'whole',
      see: async (way) => {
        const body = 'abcdefgh'.repeat(250_000);
        way.on((req, res) => {
          const hash = createHash('sha256');
          req.on('data', (part: Buffer) => hash.update(part));
          req.on('error', () => {});
          req.on('end', () => res.end(hash.digest('hex')));
        });
        const { status, body: found } = await way.ask({ method: 'POST', headers: [length(body)], body });
        if (status !== 200) return String(status);
        return found === createHash('sha256').update(body).digest('hex') ? 'whole' : 'otherwise';
      },
    },
  ],
};

function bytes(): string {
  return String.fromCharCode(...Array.from({ length: 256 }, (_, i) => i));
}
