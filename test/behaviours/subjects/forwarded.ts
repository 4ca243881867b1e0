import { type Case, type Subject, listed, valuesIn } from '../case.ts';
import type { Asking } from '../client.ts';

function gets(name: string, field: string, asking: Asking, wanted: string): Case {
  return {
    name,
    wanted,
    see: async ({ reflected }) => listed(valuesIn((await reflected(asking)).raw, field)),
  };
}

const FORGED = ['X-Forwarded-For: 6.6.6.6'];

export const FORWARDED: Subject = {
  title: 'Who the client is said to be',
  cases: [
    gets('X-Forwarded-For is the client’s address', 'x-forwarded-for', {}, '127.0.0.1'),
    gets('X-Forwarded-Proto', 'x-forwarded-proto', {}, 'http'),
    gets('X-Forwarded-Host', 'x-forwarded-host', {}, 'shop.test'),
    gets('X-Forwarded-For of a client is replaced', 'x-forwarded-for', { headers: FORGED }, '127.0.0.1'),
    gets(
      'repeated ones of a client are replaced',
      'x-forwarded-for',
      { headers: [...FORGED, ...FORGED] },
      '127.0.0.1',
    ),
    gets(
      'X-Forwarded-Proto of a client is replaced',
      'x-forwarded-proto',
      { headers: ['X-Forwarded-Proto: https'] },
      'http',
    ),
    gets(
      'X-Forwarded-Host of a client is replaced',
      'x-forwarded-host',
      { headers: ['X-Forwarded-Host: evil'] },
      'shop.test',
    ),
    gets(
      'X-Forwarded-Port of a client is dropped',
      'x-forwarded-port',
      { headers: ['X-Forwarded-Port: 1'] },
      'none',
    ),
    gets(
      'X-Forwarded-Prefix of a client is dropped',
      'x-forwarded-prefix',
      { headers: ['X-Forwarded-Prefix: /x'] },
      'none',
    ),
    gets('X-Real-IP of a client is dropped', 'x-real-ip', { headers: ['X-Real-IP: 6.6.6.6'] }, 'none'),
    gets('Forwarded of a client is dropped', 'forwarded', { headers: ['Forwarded: for=6.6.6.6'] }, 'none'),
    gets(
      'Connection cannot take X-Forwarded-For away',
      'x-forwarded-for',
      { headers: ['Connection: X-Forwarded-For'] },
      '127.0.0.1',
    ),
    {
      name: 'X_Forwarded_For, which CGI takes for X-Forwarded-For',
      wanted: '400',
      see: async ({ ask }) => {
        const { status, body } = await ask({ headers: ['X_Forwarded_For: 6.6.6.6'] });
        return status === 200 && !body.includes('6.6.6.6') ? 'dropped' : String(status);
      },
    },
    gets(
      'from a trusted proxy X-Forwarded-For is appended to',
      'x-forwarded-for',
      { door: 'trusted', headers: FORGED },
      '6.6.6.6, 127.0.0.1',
    ),
    gets(
      'from a trusted proxy X-Forwarded-Proto is kept',
      'x-forwarded-proto',
      { door: 'trusted', headers: ['X-Forwarded-Proto: https'] },
      'https',
    ),
    gets(
      'from a trusted proxy Forwarded is kept',
      'forwarded',
      { door: 'trusted', headers: ['Forwarded: for=6.6.6.6'] },
      'for=6.6.6.6',
    ),
  ],
};
