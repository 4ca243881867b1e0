import { type Case, type Subject, listed, valuesIn } from '../case.ts';
import type { Asking } from '../client.ts';

/** What the application gets as its target. */
function targets(name: string, target: string, wanted = 'verbatim'): Case {
  return {
    name,
    wanted,
    see: async ({ path, reflected }) => {
      const { url } = await reflected({ target });
      return url === `${path}${target}` ? 'verbatim' : url.replace(path, '');
    },
  };
}

/** What the application gets of a field. */
function gets(name: string, field: string, asking: Asking, wanted: string): Case {
  return {
    name,
    wanted,
    see: async ({ reflected }) => listed(valuesIn((await reflected(asking)).raw, field)),
  };
}

function drops(name: string, field: string, lines: readonly string[]): Case {
  return gets(name, field, { headers: lines }, 'none');
}

export const HEADS: Subject = {
  title: 'The head that the application gets',
  cases: [
    targets('a query passes verbatim', '?b=2&a=1&a=&=&&x=%20+%zz'),
    targets('a question mark alone stays', '?'),
    targets('dots in a path stay', '/a/./b/../c'),
    targets('two slashes stay', '//a///b'),
    targets('escapes stay as they are, capitals too', '/%2f%2F%41'),
    targets('a plus, a semicolon and a colon stay', '/a+b;c:d@e!$'),
    targets('a backslash and braces stay', '/\\{}|^'),
    targets('4,000 characters of query', `?${'q'.repeat(4000)}`),
    {
      name: 'an absolute target arrives in origin form',
      wanted: 'origin form',
      see: async ({ path, reflected }) => {
        const { url } = await reflected({ whole: `http://shop.test${path}?a=b` });
        return url === `${path}?a=b` ? 'origin form' : url.replace(path, '');
      },
    },
    gets('Host is as the client sent it', 'host', { host: 'shop.test:81' }, 'shop.test:81'),
    gets('Host keeps its capitals', 'host', { host: 'SHOP.test' }, 'SHOP.test'),
    {
      name: 'names of fields keep their capitals',
      wanted: 'X-cAsE',
      see: async ({ reflected }) =>
        (await reflected({ headers: ['X-cAsE: a'] })).raw.find((each) => /^x-case$/i.test(each)) ?? 'none',
    },
    {
      name: 'repeated fields stay repeated, in order',
      wanted: '1 | 2 | 3',
      see: async ({ reflected }) =>
        listed(valuesIn((await reflected({ headers: ['X-A: 1', 'X-A: 2', 'X-A: 3'] })).raw, 'x-a')),
    },
    gets('an empty field', 'x-a', { headers: ['X-A:'] }, ''),
    gets('high bytes in a field', 'x-a', { headers: ['X-A: \xe9\xff'] }, '\xe9\xff'),
    gets('spaces and tabs around a value', 'x-a', { headers: ['X-A: \t b \t '] }, 'b'),
    gets('names with an underscore', 'x_plain', { headers: ['X_Plain: 1'] }, '1'),
    gets('names with odd but allowed characters', "x!#$%&'*.^`|~", { headers: ["X!#$%&'*.^`|~: 1"] }, '1'),
    gets('a field of 8,000 bytes', 'x-a', { headers: [`X-A: ${'a'.repeat(8000)}`] }, 'a'.repeat(8000)),
    gets('two cookies in one field', 'cookie', { headers: ['Cookie: a=1; b="2; 3"'] }, 'a=1; b="2; 3"'),
    gets('cookies in two fields', 'cookie', { headers: ['Cookie: a=1', 'Cookie: b=2'] }, 'a=1 | b=2'),
    gets('Authorization', 'authorization', { headers: ['Authorization: Basic YTpi'] }, 'Basic YTpi'),
    gets(
      'Range and If-None-Match',
      'range',
      { headers: ['Range: bytes=0-1', 'If-None-Match: "a"'] },
      'bytes=0-1',
    ),
    gets('Accept-Encoding', 'accept-encoding', { headers: ['Accept-Encoding: br, gzip'] }, 'br, gzip'),
    drops('Keep-Alive stays with its connection', 'keep-alive', ['Keep-Alive: timeout=5']),
    drops('Proxy-Connection', 'proxy-connection', ['Proxy-Connection: keep-alive']),
    drops('Proxy-Authorization', 'proxy-authorization', ['Proxy-Authorization: Basic YTpi']),
    drops('what Connection names', 'x-hop', ['Connection: x-hop', 'X-Hop: 1']),
    drops('TE, but for trailers', 'te', ['TE: gzip']),
    drops('Upgrade that Connection does not name', 'upgrade', ['Upgrade: websocket']),
    gets('TE: trailers', 'te', { headers: ['TE: trailers', 'Connection: TE'] }, 'trailers'),
    {
      name: 'Connection cannot take Host away',
      wanted: 'shop.test',
      see: async ({ reflected }) =>
        listed(valuesIn((await reflected({ headers: ['Connection: Host'] })).raw, 'host')),
    },
    {
      name: 'a request without X-Request-ID gets one',
      wanted: 'one',
      see: async ({ reflected }) => {
        const [found = ''] = valuesIn((await reflected()).raw, 'x-request-id');
        return found === '' ? 'none' : 'one';
      },
    },
    gets('X-Request-ID of the client stays', 'x-request-id', { headers: ['X-Request-ID: mine'] }, 'mine'),
    gets('traceparent passes', 'traceparent', { headers: ['traceparent: 00-a-b-01'] }, '00-a-b-01'),
    ...['GET', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS', 'PROPFIND', 'PURGE'].map((method): Case => ({
      name: `${method} passes`,
      wanted: method,
      see: async ({ reflected }) => (await reflected({ method })).method,
    })),
    {
      name: 'TRACE',
      wanted: '200',
      see: async ({ ask }) => String((await ask({ method: 'TRACE' })).status),
    },
    {
      name: 'a method that nobody knows',
      wanted: '400',
      see: async ({ raw }) =>
        firstStatus(await raw('FETCHIT $PATH HTTP/1.1\r\nHost: shop.test\r\nConnection: close\r\n\r\n')),
    },
    {
      name: 'CONNECT',
      wanted: '405',
      see: async ({ raw }) => firstStatus(await raw('CONNECT a:443 HTTP/1.1\r\nHost: a:443\r\n\r\n')),
    },
  ],
};

export function firstStatus(text: string): string {
  return /^HTTP\/1\.[01] (\d+)/.exec(text)?.[1] ?? 'closed';
}
