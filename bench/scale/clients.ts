/**
 * Those who use the applications of the scale bench: sends requests to the proxy at a steady rate, each to one of its hosts.
 * Arguments: port, how many hosts, requests a second. Tells what became of them when it is asked.
 */
import { Agent, request } from 'node:http';

/** How many ended so: a status, or the error of a request that got no answer. */
export type Told = Readonly<Record<string, number>>;

const TICK_MS = 10;
const [port = 0, hosts = 0, perSecond = 0] = process.argv.slice(2).map(Number);
const agent = new Agent({ keepAlive: true, maxSockets: 64 });
const became: Record<string, number> = {};
const beganMs = performance.now();
let sent = 0;

setInterval(() => {
  // By the clock: a timer that comes late sends what was due meanwhile.
  const due = Math.floor(((performance.now() - beganMs) * perSecond) / 1000);
  for (; sent < due; sent++) ask(`s${Math.floor(Math.random() * hosts)}.test`);
}, TICK_MS);
process.on('message', () => process.send!(became satisfies Told));
process.on('disconnect', () => process.exit(0));

function ask(host: string): void {
  const asked = request({ port, host: '127.0.0.1', agent, headers: { host } }, (response) => {
    note(String(response.statusCode));
    response.on('error', (error) => note(`${response.statusCode}, then ${error.message}`)).resume();
  });
  asked.on('error', (error: NodeJS.ErrnoException) => {
    // As browsers do (RFC 9110, 9.2.2): an idle connection may be closed at the moment in which it is used.
    const isStale = asked.reusedSocket && error.code === 'ECONNRESET';
    note(isStale ? 'asked again' : (error.code ?? error.message));
    if (isStale) ask(host);
  });
  asked.end();
}

function note(outcome: string): void {
  became[outcome] = (became[outcome] ?? 0) + 1;
}
