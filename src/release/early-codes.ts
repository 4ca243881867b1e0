import type { CodeEntry } from './code-entry.ts';

/** What can be wrong with what comes before the first share. Part of FILE_CODES. */
export const EARLY_CODES = {
  E080: {
    title: 'not a mirror',
    cause:
      'A mirror is a part of the requests, copied to the candidate for a time: "20% for 2m", or a mapping with share, for, methods and because.',
    fix: 'Write mirror: 20% for 2m, or take mirror out.',
  },
  E081: {
    title: 'not a method',
    cause: 'Methods of HTTP are written in capitals, as they stand in a request.',
    fix: 'Write it like POST.',
  },
  E082: {
    title: 'copies that could do things twice',
    cause:
      'A copy is a request like any other: what it changes is changed twice, once by stable and once by the candidate, in whatever both write to. GET and HEAD change nothing by the rules of HTTP; for any other method somebody has to say why it may be done twice.',
    fix: 'Add because: with the reason, such as "POST /search only reads", or keep to [GET, HEAD].',
  },
  E083: {
    title: 'nobody could choose the candidate',
    cause:
      'A header-only step waits for requests that choose the candidate by the header of override, or whom candidate-for names. Without either nobody could come.',
    fix: 'Add override: {header: X-Version, secret: file:NAME}, or from: with the networks of those who try it; or candidate-for: [{cookie: beta}] under proxy.builtin.',
  },
} as const satisfies Record<string, CodeEntry>;
