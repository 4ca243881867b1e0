/** All applications of the scale bench in one process: answers everything with 200. Arguments: first port, how many. */
import { once } from 'node:events';
import { createServer } from 'node:http';

const [first = 0, count = 0] = process.argv.slice(2).map(Number);

for (let port = first; port < first + count; port++) {
  const server = createServer((_request, response) => response.end('ok'));
  server.keepAliveTimeout = 60_000;
  await once(server.listen(port, '127.0.0.1'), 'listening');
}
process.on('disconnect', () => process.exit(0));
process.send!('listening');
