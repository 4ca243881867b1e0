import type { CodeEntry } from './code-entry.ts';

/** What can go wrong between a client and the server. Spread into the one table in codes.ts. */
export const API_CODES = {
  REQUEST_INVALID: {
    title: 'the request is not of the form that the API takes',
    cause:
      'A field is missing, unknown or out of range, or the body is not JSON. Client and server may be of different versions.',
    fix: 'Mend the field that the message names; /api/v1/openapi.json describes every request.',
  },
  METHOD_NOT_ALLOWED: {
    title: 'the address does not take this method',
    cause: 'The request asks an address of the API with a method that means nothing there.',
    fix: 'The message lists the methods that it takes; docs/api.md has all of them.',
  },
  ROUTE_UNKNOWN: {
    title: 'no such address in the API',
    cause: 'The path is not part of /api/v1. Client and server may be of different versions.',
    fix: 'Look it up in /api/v1/openapi.json; run client and server of one version.',
  },
  BODY_TOO_LARGE: {
    title: 'the request is larger than the server takes',
    cause: 'JSON bodies are bounded to 1 MiB, artifacts to the size that the server allows.',
    fix: 'Leave out what the service does not need (.basculeignore).',
  },
  BODY_TYPE_UNKNOWN: {
    title: 'the request has a content type that the API does not take',
    cause: 'Requests are application/json; artifacts are application/octet-stream.',
    fix: 'Send the matching Content-Type header.',
  },
  ARTIFACT_UNKNOWN: {
    title: 'the server does not have this artifact',
    cause: 'No artifact with this digest was uploaded, or it was pruned.',
    fix: 'Upload it with PUT /api/v1/artifacts/DIGEST; `bascule deploy` does so by itself.',
  },
  ROLE_TOO_LOW: {
    title: 'your role does not allow this',
    cause:
      'The socket that was used gives a role: viewers may only look, operators steer, admins also take services away.',
    fix: 'Use the socket of the role that you need (--socket), or ask who runs the server to put you into its group.',
  },
  SESSION_ENDED: {
    title: 'the login of this browser is over',
    cause:
      'It was logged out, was left alone for 8 hours, is older than 7 days, the token that it was made with has ended, or, with a provider, its time or role in the server file is over.',
    fix: 'Log in again, with a token or with the link that `bascule dashboard` prints.',
  },
  LINK_REFUSED: {
    title: 'the link to the dashboard is not good any more',
    cause: 'A link logs one browser in, once, within a minute.',
    fix: 'Run `bascule dashboard` again and open what it prints.',
  },
  DASHBOARD_MISSING: {
    title: 'this server has no dashboard',
    cause:
      'The files of the dashboard were not there when the server started: it runs from a checkout that did not build them.',
    fix: 'Run npm run build:dashboard, then start the server again.',
  },
  IDEMPOTENCY_KEY_REUSED: {
    title: 'this Idempotency-Key was used for another request',
    cause:
      'A key names one request for good: the same request again gets the same answer, another one is refused.',
    fix: 'Use a new random key for every new request.',
  },
  IDEMPOTENCY_KEY_INVALID: {
    title: 'the Idempotency-Key is not usable',
    cause: 'A key is 8 to 128 visible ASCII characters without spaces.',
    fix: 'Use a random UUID.',
  },
  SERVER_STOPPING: {
    title: 'the server is stopping',
    cause: 'It was told to stop and takes no new requests. Traffic goes on as it is.',
    fix: 'Try again when it is back; `bascule serve` starts it.',
  },
  TOO_MANY_STREAMS: {
    title: 'too many clients follow the server',
    cause: 'Event and log streams are bounded, so that followers cannot use up the server.',
    fix: 'End some of them (`status -w`, `logs -f`, dashboards), or try again later.',
  },
  SERVER_BUG: {
    title: 'a fault in Bascule',
    cause: 'Something happened that the program rules out. Traffic stays as it is.',
    fix: 'Report it with the request id and the lines around it in the log of the server.',
  },
  SOCKET_IN_USE: {
    title: 'another server listens on the socket',
    cause: 'A Bascule server with the same state directory is running.',
    fix: 'Use the one that runs, stop it first, or give this one a state directory of its own (--state-dir).',
  },
  SOCKET_FAILED: {
    title: 'the socket could not be made',
    cause: 'Its directory cannot be written, or its path is too long: 107 bytes are the limit of the system.',
    fix: 'Choose a shorter state directory that this user may write (--state-dir).',
  },
  SERVER_UNREACHABLE: {
    title: 'no server answers',
    cause: 'No Bascule server runs with this state directory, or it did not answer in time.',
    fix: 'Start one: `bascule serve`. If it runs elsewhere, name its state directory (--state-dir) or socket (--socket).',
  },
  SOCKET_NOT_ALLOWED: {
    title: 'you may not open the server’s sockets',
    cause: 'The sockets are protected by their group, and you are not in it.',
    fix: 'Ask who runs the server to put you into the group of the role that you need.',
  },
  USAGE: {
    title: 'the command was not understood',
    cause: 'An option or argument is unknown, missing, or has a value that means nothing here.',
    fix: 'The message says which; `bascule COMMAND --help` lists what it takes.',
  },
  INTERRUPTED: {
    title: 'the command was interrupted',
    cause: 'Ctrl-C, or the end of the terminal, came before the server had answered.',
    fix: '`bascule status` shows whether a rollout had begun; if not, run the command again.',
  },
  CODE_UNKNOWN: {
    title: 'no such code',
    cause: 'The table of codes has no entry of this name.',
    fix: 'Copy the code from between the brackets of the message: error[E017].',
  },
  NOT_THERE_YET: {
    title: 'not there yet',
    cause: 'It is part of the design of Bascule, and this version cannot do it.',
    fix: 'The changelog says when it arrives.',
  },
} as const satisfies Record<string, CodeEntry>;
