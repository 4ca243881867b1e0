import { type Entry, type Listed, HIDDEN, family, get, head, post } from './entry.ts';

const EXPECTATIONS: Listed = [
  ['100-continue', post('hello', 'Expect: 100-continue', 'Content-Length: 5')],
  ['100-continue in upper case', post('hello', 'Expect: 100-CONTINUE', 'Content-Length: 5')],
  ['100-continue without a body', get('Expect: 100-continue')],
  ['twice', post('hello', 'Expect: 100-continue', 'Expect: 100-continue', 'Content-Length: 5')],
  ['a list', post('hello', 'Expect: 100-continue, x', 'Content-Length: 5')],
  ['something else', post('hello', 'Expect: magic', 'Content-Length: 5')],
  ['nothing', post('hello', 'Expect:', 'Content-Length: 5')],
  ['a misspelling', post('hello', 'Expect: 100-continu', 'Content-Length: 5')],
  ['a parameter', post('hello', 'Expect: 100-continue;a=b', 'Content-Length: 5')],
  ['a space behind it', post('hello', 'Expect: 100-continue ', 'Content-Length: 5')],
  ['folded', post('hello', 'Expect:\r\n 100-continue', 'Content-Length: 5')],
  ['named in Connection', post('hello', 'Expect: 100-continue', 'Connection: Expect', 'Content-Length: 5')],
  ['in HTTP/1.0', head('POST / HTTP/1.0', 'Host: a', 'Expect: 100-continue', 'Content-Length: 5') + 'hello'],
  ['with chunks', post('5\r\nhello\r\n0\r\n\r\n', 'Expect: 100-continue', 'Transfer-Encoding: chunked')],
];

const UPGRADE = 'Connection: Upgrade';
const H2C = ['Upgrade: h2c', 'HTTP2-Settings: AAMAAABkAARAAAAAAAIAAAAA'];
const WEBSOCKET = [
  'Upgrade: websocket',
  'Sec-WebSocket-Version: 13',
  'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==',
];

const UPGRADES: Listed = [
  ['h2c', get('Connection: Upgrade, HTTP2-Settings', ...H2C)],
  ['h2c, settings not in Connection', get(UPGRADE, ...H2C)],
  ['h2c in upper case', get(UPGRADE, 'Upgrade: H2C')],
  ['h2c not in Connection', get(...H2C)],
  ['h2c behind another', get(UPGRADE, 'Upgrade: websocket, h2c')],
  ['h2c in a second field', get(UPGRADE, 'Upgrade: websocket', 'Upgrade: h2c')],
  ['h2c with a request behind it', `${get(UPGRADE, ...H2C)}${HIDDEN}`, 2],
  ['h2c with a body', post('hello', UPGRADE, ...H2C, 'Content-Length: 5')],
  ['h2c with chunks', post('5\r\nhello\r\n0\r\n\r\n', UPGRADE, ...H2C, 'Transfer-Encoding: chunked')],
  ['TLS', get(UPGRADE, 'Upgrade: TLS/1.0')],
  ['nothing', get(UPGRADE, 'Upgrade:')],
  ['Connection without Upgrade', get(UPGRADE)],
  ['a WebSocket of a wrong version', get(UPGRADE, 'Upgrade: websocket', 'Sec-WebSocket-Version: 777')],
  ['a WebSocket with a body', post('hello', UPGRADE, ...WEBSOCKET, 'Content-Length: 5')],
  ['a WebSocket in a POST', post('', UPGRADE, ...WEBSOCKET)],
  [
    'a WebSocket with chunks and a request behind them',
    post(`0\r\n\r\n${HIDDEN}`, UPGRADE, ...WEBSOCKET, 'Transfer-Encoding: chunked'),
    2,
  ],
  ['a WebSocket that is refused, with a request behind it', `${get(UPGRADE, ...WEBSOCKET)}${HIDDEN}`, 2],
  ['a WebSocket of HTTP/1.0', head('GET / HTTP/1.0', 'Host: a', UPGRADE, ...WEBSOCKET)],
  ['a control character', get(UPGRADE, 'Upgrade: web\x01socket')],
];

const PIPELINES: Listed = [
  ['two', get().repeat(2), 2],
  ['ten', get().repeat(10), 10],
  ['an empty line between', `${get()}\r\n${get()}`, 2],
  ['a good one, then a malformed one', `${get()}${get('X-A : b')}`, 1],
  ['a malformed one, then a good one', `${get('X-A : b')}${HIDDEN}`, 0],
  ['one to close, then another', `${get('Connection: close')}${HIDDEN}`, 1],
  ['two bodies', post('hello', 'Content-Length: 5').repeat(2), 2],
  [
    'chunks, then a length',
    `${post('0\r\n\r\n', 'Transfer-Encoding: chunked')}${post('a', 'Content-Length: 1')}`,
    2,
  ],
  ['another host in the second', `${get()}${head('GET / HTTP/1.1', 'Host: b')}`, 2],
  ['a good one, then garbage', `${get()}\x00\x01\x02\x03`, 1],
  ['a good one, then half a head', `${get()}GET / HT`, 1],
];

/** What a client may want dropped that the application relies on. */
const LISTED: Listed = [
  ['Host', get('Connection: Host')],
  ['close and Host', get('Connection: close, Host')],
  ['Content-Length', post('hello', 'Content-Length: 5', 'Connection: Content-Length')],
  [
    'Transfer-Encoding',
    post('5\r\nhello\r\n0\r\n\r\n', 'Transfer-Encoding: chunked', 'Connection: Transfer-Encoding'),
  ],
  ['X-Forwarded-For', get('Connection: X-Forwarded-For', 'X-Forwarded-For: 6.6.6.6')],
  ['X-Forwarded-Proto', get('Connection: X-Forwarded-Proto')],
  ['X-Request-ID', get('Connection: X-Request-ID', 'X-Request-ID: 1')],
  ['Cookie', get('Connection: Cookie', 'Cookie: a=b')],
  ['Authorization', get('Connection: Authorization', 'Authorization: Basic YTpi')],
  ['Connection itself', get('Connection: Connection')],
  ['a name in quotes', get('Connection: "Host"')],
  ['a name behind a tab', get('Connection:\tclose,\tHost')],
  ['only commas', get('Connection: ,,,')],
  ['close and keep-alive', get('Connection: close, keep-alive')],
  ['1,000 names', get(`Connection: ${Array.from({ length: 1000 }, (_, i) => `x${i}`).join(',')}`)],
  ['twice', get('Connection: X-A', 'Connection: X-B', 'X-A: 1', 'X-B: 1')],
  ['a control character', get('Connection: close\x01')],
  ['in Proxy-Connection', get('Proxy-Connection: Host')],
  ['Keep-Alive with a request', get('Keep-Alive: timeout=5', 'Connection: keep-alive')],
  ['TE', get('TE: trailers, gzip', 'Connection: TE')],
];

/** CGI and WSGI make the same variable of `-` and `_`. */
const TWINS: Listed = [
  'Content_Length',
  'Transfer_Encoding',
  'Content-length_',
  'X_Forwarded_For',
  'X-Forwarded_For',
  'X_Forwarded-For',
  'x_forwarded_for',
  'X_Forwarded_Proto',
  'X_Forwarded_Host',
  'X_Real_IP',
  'X_Request_Id',
  'X_Plain',
].map((name) => [name, get(`${name}: 6`)] as const);

export const CONNECTIONS: readonly Entry[] = [
  ...family('Expect', EXPECTATIONS),
  ...family('Upgrade', UPGRADES),
  ...family('pipelines of', PIPELINES),
  ...family('Connection that names', LISTED),
  ...family('underscores', TWINS),
];
