import type { Asking } from '../client.ts';
import type { Case, Subject } from '../case.ts';

/** Which service a host and a path reach. */
function reaches(name: string, asking: Asking, wanted: string): Case {
  return {
    name,
    wanted,
    see: async ({ path, ask }) => {
      const whole = (asking.whole ?? '$PATH').replace('$PATH', path);
      const { status, headers } = await ask({ ...asking, whole });
      const service = headers.find(([field]) => field.toLowerCase() === 'x-service')?.[1];
      return service ?? String(status);
    },
  };
}

export const ROUTING: Subject = {
  title: 'Which service a request is for',
  cases: [
    reaches('a known host', {}, 'shop'),
    reaches('an unknown host is 404', { host: 'other.test' }, '404'),
    reaches('a host below a known one is another', { host: 'www.shop.test' }, '404'),
    reaches('an address for a host is 404', { host: '127.0.0.1' }, '404'),
    reaches('the case of a host does not matter', { host: 'SHOP.Test' }, 'shop'),
    reaches('nor does its port', { host: 'shop.test:1234' }, 'shop'),
    reaches('nor the dot of the root', { host: 'shop.test.' }, 'shop'),
    reaches('a name that begins like a known one is another', { host: 'shop.test.evil.test' }, '404'),
    reaches('an exact host beats any host', { door: 'any' }, 'shop'),
    reaches('any host takes what nobody names', { door: 'any', host: 'other.test' }, 'any'),
    reaches('a path prefix beats /', { whole: '/app$PATH' }, 'app'),
    reaches('the prefix itself', { whole: '/app?$PATH' }, 'app'),
    reaches('the longest prefix wins', { whole: '/app/admin$PATH' }, 'admin'),
    reaches('/app is not /appointment', { whole: '/appointment$PATH' }, 'shop'),
    reaches('/app/admin is not /app/administration', { whole: '/app/administration$PATH' }, 'app'),
    reaches('the case of a path matters', { whole: '/APP$PATH' }, 'shop'),
    reaches('an absolute target is routed by its host', { whole: 'http://shop.test/app$PATH' }, 'app'),
    reaches('a prefix in a query is none', { whole: '$PATH?/app/' }, 'shop'),
    reaches('an escaped prefix is none', { whole: '/%61pp$PATH' }, 'shop'),
    reaches('dots do not leave a prefix', { whole: '/app/../app/admin$PATH' }, 'app'),
    {
      name: 'two requests of one connection may be for two hosts',
      wanted: '200, 404',
      see: async ({ raw, path }) => {
        const first = `GET ${path} HTTP/1.1\r\nHost: shop.test\r\n\r\n`;
        const second = 'GET / HTTP/1.1\r\nHost: other.test\r\nConnection: close\r\n\r\n';
        return [...(await raw(first + second)).matchAll(/HTTP\/1\.1 (\d+)/g)]
          .map(([, code]) => code)
          .join(', ');
      },
    },
    {
      name: 'a request of HTTP/1.0 without Host is any host’s',
      wanted: 'any',
      see: async ({ raw, path }) =>
        /X-Service: (\w+)/i.exec(await raw(`GET ${path} HTTP/1.0\r\n\r\n`, undefined, 'any'))?.[1] ?? 'none',
    },
  ],
};
