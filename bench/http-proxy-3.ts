/** The peer http-proxy-3, as its documentation sets it up, with connections kept: PORT, then the backends' ports. */
import { Agent, createServer } from 'node:http';
import { createProxyServer } from 'http-proxy-3';

const [port, ...backends] = process.argv.slice(2).map(Number);
const proxy = createProxyServer({ agent: new Agent({ keepAlive: true, maxSockets: 256 }) });
proxy.on('error', (_error, _request, response) => response.destroy());
let turn = 0;
const server = createServer((request, response) => {
  const backend = backends[turn++ % backends.length]!;
  proxy.web(request, response, { target: `http://127.0.0.1:${backend}` });
});
server.listen(port, '127.0.0.1');
process.once('disconnect', () => process.exit());
