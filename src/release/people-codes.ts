import type { CodeEntry } from './code-entry.ts';

/** What stands between a person, or whoever claims to be one, and the API. Spread into the one table in codes.ts. */
export const PEOPLE_CODES = {
  TOKEN_MISSING: {
    title: 'the server wants a token',
    cause: 'Over the network nobody gets an answer without a token: a role belongs to somebody.',
    fix: 'Ask an admin of the server for one (`bascule token create`), and give it in BASCULE_TOKEN, or a file that BASCULE_TOKEN_FILE names.',
  },
  TOKEN_REFUSED: {
    title: 'the token is not taken',
    cause: 'It has expired, was revoked, belongs to another server, or was not copied whole.',
    fix: 'The message says which. Ask an admin of the server for a new one (`bascule token create`).',
  },
  TOKEN_SCOPE: {
    title: 'your token is not for this',
    cause: 'It was made for some services only; what concerns another one, or all of them, is not for it.',
    fix: 'Use a token that is for the service, or for all of them (`bascule token create` without --services).',
  },
  TOKEN_UNKNOWN: {
    title: 'there is no such token',
    cause: 'No token has this id, or it ended more than 30 days ago.',
    fix: '`bascule token list` shows the ids; the id is the first part of a token, after bsc_.',
  },
  TOKEN_MADE: {
    title: 'the token was made already',
    cause: 'The same request came again. What a token is made of is told once and kept nowhere.',
    fix: 'If its text got lost on the way, revoke it (`bascule token revoke ID --yes`) and make another.',
  },
  TOKEN_TOO_MANY: {
    title: 'there are too many tokens',
    cause: '500 valid ones are the limit of a server.',
    fix: 'Revoke those that nobody uses: `bascule token list` shows when each was last used.',
  },
  TOKEN_UNREADABLE: {
    title: 'the token could not be read',
    cause:
      'The file that BASCULE_TOKEN_FILE names is not there, can be read by others than you, or what it or BASCULE_TOKEN holds is no token.',
    fix: 'Put the token, as it was printed, alone into a file of mode 0600.',
  },
  OIDC_UNREACHABLE: {
    title: 'the provider of logins cannot be asked',
    cause:
      'It did not answer in time, its certificate is not trusted, what it says of itself does not fit the issuer in the file of the server, or the secret of the client could not be read.',
    fix: 'The message says which; see `login` in the server file. Log in with a token until then.',
  },
  OIDC_REFUSED: {
    title: 'the login with the provider is not taken',
    cause:
      'It was used already, took longer than 10 minutes, was begun in another browser or tab, the provider said no, or what it sent does not prove who you are.',
    fix: 'Begin again at the login of the dashboard. Where the message names a claim, an admin looks at `name-claim` in the server file.',
  },
  OIDC_NO_ROLE: {
    title: 'none of your groups has a role here',
    cause:
      'The provider knows who you are; the roles of this server belong to groups, and you are in none of them.',
    fix: 'Ask whoever keeps the groups at the provider, or an admin of the server for a role of your group (`login` in the server file).',
  },
  REQUESTS_TOO_MANY: {
    title: 'too many requests',
    cause: 'Requests over the network are bounded for each token, and failed ones for each address.',
    fix: 'Wait for the seconds that Retry-After says; follow `/events` rather than asking again and again.',
  },
  REQUEST_TOO_SLOW: {
    title: 'the request came too slowly',
    cause: 'Its head took more than 10 s or its body more than 30 s, and others wait for the connection.',
    fix: 'Send it again, over a better connection.',
  },
  HEAD_TOO_LARGE: {
    title: 'the head of the request is too large',
    cause: 'The address and the headers together are bounded to 16 KiB.',
    fix: 'Send fewer or shorter headers.',
  },
  HOST_UNKNOWN: {
    title: 'the server does not have this name',
    cause:
      'The Host of a request must be the address of the listener, a name in its certificate, or one of its `names`: a page elsewhere could otherwise make a browser speak to it under a name of its own.',
    fix: 'Use a name that its certificate has, or put the name under `names` of the listener in the server file.',
  },
  ORIGIN_FOREIGN: {
    title: 'a page of another site asked for this',
    cause: 'A browser says that the request was made by a page that is not of this server.',
    fix: 'Open it directly. Programs send no Origin and no Sec-Fetch-Site.',
  },
  NOTIFY_UNKNOWN: {
    title: 'there is no such channel',
    cause:
      'Channels stand under `notify` in the file of the server, which is read at its start; none of them has this name.',
    fix: 'The message lists those that the server has. Put the channel into its file and start it again.',
  },
  LISTENER_FAILED: {
    title: 'an address of the API could not be opened',
    cause:
      'Somebody else listens there, the address is not of this machine, or the certificate or key cannot be used.',
    fix: 'The message says which; see `listeners` in the server file.',
  },
} as const satisfies Readonly<Record<string, CodeEntry>>;
