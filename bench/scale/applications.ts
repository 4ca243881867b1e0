/**
 * All applications of the scale bench in one process, and those who ask them: listens on a range of ports, answers everything
 * with 200, and sends requests to the proxy at a steady rate once it is told to. Arguments: first port, how many.
 */
import { once } from 'node:events';
import { Agent, createServer, request } from 'node:http';

export type Load = { readonly port: number; readonly hosts: number; readonly perSecond: number };
export type Told = { readonly answered: number; readonly failed: number };

const TICK_MS = 10;
const [first = 0, count = 0] = process.argv.slice(2).map(Number);
const agent = new Agent({ keepAlive: true, maxSockets: 64 });
let answered = 0;
let failed = 0;
let timer: NodeJS.Timeout | undefined;

for (let port = first; port < first + count; port++) {
  const server = createServer((_request, response) => response.end('ok'));
  server.keepAliveTimeout = 60_000;
  await once(server.listen(port, '127.0.0.1'), 'listening');
}
process.on('message', (load: Load | 'tell') => {
  if (load === 'tell') process.send!({ answered, failed } satisfies Told);
  else begin(load);
});
process.on('disconnect', () => process.exit(0));
process.send!('listening');

function begin({ port, hosts, perSecond }: Load): void {
  clearInterval(timer);
  const beganMs = performance.now();
  let sent = 0;
  timer = setInterval(() => {
    // By the clock: a timer that comes late sends what was due meanwhile.
    const due = Math.floor(((performance.now() - beganMs) * perSecond) / 1000);
    for (; sent < due; sent++) ask(port, hosts);
  }, TICK_MS);
}

function ask(port: number, hosts: number): void {
  const host = `s${Math.floor(Math.random() * hosts)}.test`;
  const sent = request({ port, host: '127.0.0.1', agent, headers: { host } }, (response) => {
    if (response.statusCode === 200) answered++;
    else failed++;
    response.resume();
  });
  sent.on('error', () => failed++);
  sent.end();
}
