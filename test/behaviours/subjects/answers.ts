import type { IncomingMessage } from 'node:http';
import { type Case, type Subject, listed } from '../case.ts';
import { firstStatus } from './heads.ts';

/**
 * The application writes these bytes for an answer, and closes: says so too, for what it writes past its own server
 * would be in the way of the next request.
 */
function writes({ socket }: IncomingMessage, bytes: string): void {
  socket.end(bytes.replace(/(HTTP\/1\.1 [2-5]\d\d[^\r]*\r\n)/, '$1Connection: close\r\n'), 'latin1');
}

type Given = { readonly bytes: string; readonly method?: string };

/** What a client gets for the bytes of an application, from its first line on. */
function comes(name: string, { bytes, method = 'GET' }: Given, wanted: string, look: RegExp): Case {
  return {
    name,
    wanted,
    see: async ({ on, raw }) => {
      on((req) => writes(req, bytes));
      const text = await raw(`${method} $PATH HTTP/1.1\r\nHost: shop.test\r\nConnection: close\r\n\r\n`);
      const found = look.exec(text);
      return found === null ? 'none' : (found[1] ?? 'there');
    },
  };
}

const OK = 'HTTP/1.1 200 OK\r\n';
const TWO = 'Content-Length: 2\r\n\r\nok';
const STATUS = /^HTTP\/1\.1 (\d+)/;

export const ANSWERS: Subject = {
  title: 'What the client gets',
  cases: [
    comes(
      'the reason is the application’s',
      { bytes: `HTTP/1.1 200 Fine by me\r\n${TWO}` },
      'Fine by me',
      /^HTTP\/1\.1 200 ([^\r]*)/,
    ),
    comes('a status that nobody knows', { bytes: `HTTP/1.1 299 X\r\n${TWO}` }, '299', STATUS),
    ...[201, 301, 404, 410, 429, 500, 503].map((status) =>
      comes(
        `${status} of the application`,
        { bytes: `HTTP/1.1 ${status} X\r\n${TWO}` },
        String(status),
        STATUS,
      ),
    ),
    comes(
      'names of fields of an answer keep their capitals',
      { bytes: `${OK}X-cAsE: a\r\n${TWO}` },
      'X-cAsE',
      /\r\n(x-case):/i,
    ),
    comes(
      'two Set-Cookies stay two',
      { bytes: `${OK}Set-Cookie: x=1\r\nSet-Cookie: y=2\r\n${TWO}` },
      'there',
      /set-cookie: x=1\r\nset-cookie: y=2/i,
    ),
    comes(
      'Location is not changed',
      { bytes: `HTTP/1.1 302 X\r\nLocation: http://127.0.0.1/x\r\n${TWO}` },
      'http://127.0.0.1/x',
      /location: ([^\r]*)/i,
    ),
    comes(
      'Server is the application’s',
      { bytes: `${OK}Server: mine/1\r\n${TWO}` },
      'mine/1',
      /\r\nserver: ([^\r]*)/i,
    ),
    comes(
      'Date is the application’s',
      { bytes: `${OK}Date: Thu, 01 Jan 1970 00:00:00 GMT\r\n${TWO}` },
      '01 Jan 1970',
      /\r\ndate: \w+, (01 Jan 1970)/i,
    ),
    comes(
      'Keep-Alive of the application stays with its connection',
      { bytes: `${OK}Keep-Alive: timeout=777\r\n${TWO}` },
      'none',
      /timeout=777/i,
    ),
    comes(
      'what its Connection names stays there',
      { bytes: `${OK}Connection: X-Hop\r\nX-Hop: 1\r\n${TWO}` },
      'none',
      /x-hop/i,
    ),
    comes(
      'X-Accel-Redirect and X-Sendfile',
      { bytes: `${OK}X-Accel-Redirect: /other\r\n${TWO}` },
      '200',
      STATUS,
    ),
    comes(
      'early hints',
      { bytes: `HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n${OK}${TWO}` },
      '200',
      STATUS,
    ),
    comes(
      'a body without length ends with the connection',
      { bytes: `${OK}\r\nall of it` },
      'there',
      /all of it/,
    ),
    comes(
      'an answer in chunks',
      { bytes: `${OK}Transfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n` },
      'there',
      /\r\n2\r\nok\r\n0\r\n/,
    ),
    comes(
      'trailers of an answer',
      { bytes: `${OK}Trailer: X-Sum\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\nX-Sum: 1\r\n\r\n` },
      'there',
      /0\r\nx-sum: 1/i,
    ),
    comes(
      'HEAD has a length and no body',
      { bytes: `${OK}Content-Length: 5\r\n\r\n`, method: 'HEAD' },
      'there',
      /content-length: 5[^]*\r\n\r\n$/i,
    ),
    comes(
      '204 has neither',
      { bytes: 'HTTP/1.1 204 No Content\r\n\r\n' },
      'there',
      /^HTTP\/1\.1 204 (?:(?!content-length|transfer-encoding)[^])*\r\n\r\n$/i,
    ),
    comes(
      '304 has no body',
      { bytes: 'HTTP/1.1 304 Not Modified\r\nETag: "a"\r\n\r\n' },
      'there',
      /etag: "a"[^]*\r\n\r\n$/i,
    ),
    comes(
      '206 and its range',
      { bytes: `HTTP/1.1 206 X\r\nContent-Range: bytes 0-1/9\r\n${TWO}` },
      'bytes 0-1/9',
      /content-range: ([^\r]*)/i,
    ),
    comes(
      'a field of 8,000 bytes comes back',
      { bytes: `${OK}X-A: ${'a'.repeat(8000)}\r\n${TWO}` },
      'there',
      /a{8000}/,
    ),
    comes(
      'a head of 40,000 bytes',
      { bytes: `${OK}${`X-A: ${'a'.repeat(990)}\r\n`.repeat(40)}${TWO}` },
      '200',
      STATUS,
    ),
    comes(
      'a length beside chunks',
      { bytes: `${OK}Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n` },
      'none',
      /content-length/i,
    ),
    comes('two lengths', { bytes: `${OK}Content-Length: 3\r\n${TWO}` }, '502', STATUS),
    comes('a negative length', { bytes: `${OK}Content-Length: -2\r\n\r\nok` }, '502', STATUS),
    comes(
      'a bare line feed in a field',
      { bytes: `${OK}X-A: 1\nSet-Cookie: admin=1\r\n${TWO}` },
      '502',
      STATUS,
    ),
    comes('a folded field', { bytes: `${OK}X-A: 1\r\n b\r\n${TWO}` }, '502', STATUS),
    comes('a space in a name', { bytes: `${OK}X A: 1\r\n${TWO}` }, '502', STATUS),
    comes('NUL in a value', { bytes: `${OK}X-A: a\0b\r\n${TWO}` }, '502', STATUS),
    comes('no HTTP', { bytes: 'hello\r\n\r\n' }, '502', STATUS),
    comes('status 000', { bytes: `HTTP/1.1 000 X\r\n${TWO}` }, '502', STATUS),
    comes(
      'a 101 that nobody asked for',
      { bytes: 'HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n' },
      '502',
      STATUS,
    ),
    comes(
      'a malformed chunk of an answer does not end it',
      { bytes: `${OK}Transfer-Encoding: chunked\r\n\r\n2\r\nok\r\nzz\r\n` },
      'none',
      /\r\n0\r\n/,
    ),
    comes(
      'an answer of HTTP/1.0',
      { bytes: `HTTP/1.0 200 OK\r\n${TWO}` },
      'HTTP/1.1 200',
      /^(HTTP\/1\.\d \d+)/,
    ),
    {
      name: 'an answer that ends early is broken off, not ended',
      wanted: 'broken off',
      see: async ({ on, raw }) => {
        on((req) => writes(req, `${OK}Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n`));
        const text = await raw('GET $PATH HTTP/1.1\r\nHost: shop.test\r\nConnection: close\r\n\r\n');
        return text.endsWith('\r\n0\r\n\r\n') ? 'ended as if it were whole' : 'broken off';
      },
    },
    {
      name: 'to a client of HTTP/1.0 no chunks are sent',
      wanted: 'no chunks',
      see: async ({ on, raw }) => {
        on((req) => writes(req, `${OK}Transfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n`));
        const text = await raw('GET $PATH HTTP/1.0\r\nHost: shop.test\r\n\r\n');
        return text.endsWith('\r\n\r\nok') ? 'no chunks' : 'chunks';
      },
    },
    {
      name: 'a download of 5 MB is the same',
      wanted: 'whole',
      see: async ({ on, ask }) => {
        const body = '0123456789'.repeat(500_000);
        on((_req, res) => res.end(body));
        return (await ask()).body === body ? 'whole' : 'otherwise';
      },
    },
    {
      name: 'an error of the proxy says that it is nobody’s to keep',
      wanted: 'no-store',
      see: async ({ ask }) => {
        const { headers } = await ask({ host: 'other.test' });
        return listed(headers.flatMap(([name, value]) => (/^cache-control$/i.test(name) ? [value] : [])));
      },
    },
    {
      name: 'a visitor gets a cookie for the cohort, once',
      wanted: 'first: one, then: none',
      see: async ({ ask }) => {
        const first = await ask();
        const cookie = first.headers.find(([name]) => /^set-cookie$/i.test(name))?.[1];
        if (cookie === undefined) return 'none';
        const second = await ask({ headers: [`Cookie: ${cookie.split(';')[0]}`] });
        return `first: one, then: ${second.headers.some(([name]) => /^set-cookie$/i.test(name)) ? 'one' : 'none'}`;
      },
      not: { nginx: 'has no cohorts of its own', HAProxy: 'has no cohorts of its own' },
    },
    {
      name: 'an answer head that is never ended',
      wanted: '502',
      see: async ({ on, raw }) => {
        on((req) => writes(req, `${OK}X-A: ${'a'.repeat(100_000)}`));
        return firstStatus(await raw('GET $PATH HTTP/1.1\r\nHost: shop.test\r\nConnection: close\r\n\r\n'));
      },
    },
  ],
};
