// The example shop with a bad day: what is wrong with this release stands in version.json beside it, under `fault`.
import { existsSync, readFileSync } from 'node:fs';
import { createShop } from './server.mjs';

const TICK_MS = 100;
const usual = { version: 'v1', medianMs: 20, errorRate: 0, slowdown: 1, tickMs: 1000 };
const { fault = {}, ...given } = JSON.parse(readFileSync('version.json', 'utf8'));
const release = { ...usual, ...given };
const { errorRate, slowdown } = release;
const server = createShop(release);

/** When the first page was asked for: a health check warms nothing up. */
let firstMs = null;
server.prependListener('request', (request) => {
  if (request.url !== '/healthz') firstMs ??= Date.now();
});

setInterval(() => {
  const age = firstMs === null ? 0 : (Date.now() - firstMs) / 1000;
  const stalls = process.env.STALL_FILE !== undefined && existsSync(process.env.STALL_FILE);
  const isCold = age < (fault.coldSeconds ?? 0);
  // The shared database is stuck: every version waits for it, and gives up now and then.
  release.slowdown = slowdown * (isCold ? 5 : 1) * (stalls ? 10 : 1);
  release.errorRate = Math.min(1, errorRate + age * (fault.leakPerSecond ?? 0) + (stalls ? 0.2 : 0));
}, TICK_MS);

server.listen(Number(process.env.PORT), '127.0.0.1');
process.on('SIGTERM', () => server.leave());
