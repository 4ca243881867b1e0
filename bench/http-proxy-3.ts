/** The peer http-proxy-3, as its documentation sets it up, with connections kept: PORT SECURE-PORT CERTIFICATE KEY, then the backends' ports. */
import { readFileSync } from 'node:fs';
import { Agent, createServer } from 'node:http';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { createSecureServer } from 'node:http2';
import { createProxyServer } from 'http-proxy-3';

const [port = '', securePort = '', certificate = '', key = '', ...backends] = process.argv.slice(2);
const proxy = createProxyServer({ agent: new Agent({ keepAlive: true, maxSockets: 256 }) });
proxy.on('error', (_error, _request, response) => response.destroy());
let turn = 0;
const next = (): string => `http://127.0.0.1:${backends[turn++ % backends.length]!}`;
const answer = (request: IncomingMessage, response: ServerResponse): void => {
  proxy.web(request, response, { target: next() });
};
const options = { keepAliveTimeout: 75_000 };
const plain = createServer(options, answer);
plain.on('upgrade', (request, socket, head) => proxy.ws(request, socket, head, { target: next() }));
plain.listen(Number(port), '127.0.0.1');
const files = { cert: readFileSync(certificate), key: readFileSync(key) };
// Requests of HTTP/2 come in the form of node:http, as far as there is one; plain ones keep-alive as above.
const secure = createSecureServer({ ...files, allowHTTP1: true }, (request, response) => {
  answer(request as unknown as IncomingMessage, response as unknown as ServerResponse);
});
secure.listen(Number(securePort), '127.0.0.1');
process.once('disconnect', () => process.exit());
