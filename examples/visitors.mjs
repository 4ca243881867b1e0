// People who visit a service, so that there is traffic to judge. Needs nothing but Node 20 or newer.
//   node visitors.mjs [url] [requests a second] [people]
// Each person keeps the cookies that they get, as a browser would. One line a second says what came back; versions are
// told apart where the application sends X-Version.
import { Agent, request } from 'node:http';

const LONGEST_MS = 10_000;
const url = new URL(process.argv[2] ?? 'http://localhost:8080/');
const perSecond = numberFrom(process.argv[3], 50);
const people = Array.from({ length: numberFrom(process.argv[4], 500) }, () => new Map());
const agent = new Agent({ keepAlive: true, maxSockets: 64 });
const total = new Map();
let second = new Map();

function visit(cookies) {
  const beganMs = performance.now();
  const cookie = [...cookies].map(([name, value]) => `${name}=${value}`).join('; ');
  const headers = cookie === '' ? {} : { cookie };
  const sent = request(url, { agent, headers, timeout: LONGEST_MS }, (answer) => {
    for (const line of answer.headers['set-cookie'] ?? []) keep(cookies, line);
    answer.resume();
    const version = answer.headers['x-version'];
    answer.on('end', () =>
      count(`${answer.statusCode}${version === undefined ? '' : ` from ${version}`}`, beganMs),
    );
    answer.on('error', () => count('cut short', beganMs));
  });
  sent.on('timeout', () => sent.destroy(new Error('no answer in time')));
  sent.on('error', (error) => count(error.code ?? error.message, beganMs));
  sent.end();
}

function keep(cookies, line) {
  const [name, value] = line.split(';', 1)[0].split('=', 2);
  cookies.set(name, value);
}

function count(what, beganMs) {
  const tookMs = performance.now() - beganMs;
  for (const counts of [second, total]) {
    const { times, slowestMs } = counts.get(what) ?? { times: 0, slowestMs: 0 };
    counts.set(what, { times: times + 1, slowestMs: Math.max(slowestMs, tookMs) });
  }
}

function line(counts) {
  const parts = [...counts]
    .sort(([a], [b]) => a.localeCompare(b))
    .map(([what, { times, slowestMs }]) => `${times} × ${what} (≤ ${Math.ceil(slowestMs)} ms)`);
  return parts.length === 0 ? 'no answer yet' : parts.join('   ');
}

function numberFrom(text, otherwise) {
  const number = Number(text ?? otherwise);
  if (number > 0) return number;
  console.error('usage: node visitors.mjs [url] [requests a second] [people]');
  process.exit(2);
}

console.log(`${perSecond} requests a second to ${url}; Ctrl-C ends it`);
const startMs = performance.now();
let visits = 0;
setInterval(() => {
  // By the clock, not by the tick: a late timer makes up for what it missed.
  const due = ((performance.now() - startMs) / 1000) * perSecond;
  for (; visits < due; visits++) visit(people[Math.floor(Math.random() * people.length)]);
}, 10);
setInterval(() => {
  console.log(`${new Date().toTimeString().slice(0, 8)}  ${line(second)}`);
  second = new Map();
}, 1000);
process.once('SIGINT', () => {
  console.log(`in all    ${line(total)}`);
  process.exit(0);
});
