// A small shop, to try releases on. What this release is and how it behaves stands in version.json beside this file,
// so that a bad version is honestly another release: same code, other content.
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { pipeline } from 'node:stream/promises';
import { crc32 } from 'node:zlib';
import { cartPage, listPage, notFoundPage, productPage, PRODUCTS, sorryPage } from './pages.mjs';

const BLOCK_BYTES = 65_536;
const MAX_DOWNLOAD_BYTES = 64 * 1024 * 1024;
/** Twice one block of noise, so that a slice may start anywhere in the first and run on into the second. */
const NOISE = Buffer.alloc(2 * BLOCK_BYTES);
for (let i = 0, x = 1; i < BLOCK_BYTES; i++) {
  x = (Math.imul(x, 1_103_515_245) + 12_345) >>> 0;
  NOISE[i] = NOISE[i + BLOCK_BYTES] = x >>> 16;
}

/**
 * @param {{version: string, medianMs: number, errorRate: number, slowdown: number, tickMs: number}} release
 *   errorRate: fraction of page requests answered 500. slowdown: factor on the time that a page takes.
 */
export function createShop(release) {
  const streams = new Set();
  const server = createServer((request, response) => {
    // Tell the proxy in front not to send more over this connection once we are leaving.
    if (!server.listening) response.shouldKeepAlive = false;
    response.on('finish', () => server.listening || server.closeIdleConnections());
    answer(request, response).catch((error) => response.destroy(error));
  });
  // Longer than any proxy keeps an idle connection, so that it is never we who close one just as a request comes.
  server.keepAliveTimeout = 90_000;
  server.requestTimeout = 0;

  async function answer(request, response) {
    response.setHeader('X-Version', release.version);
    const echo = request.headers['x-echo'];
    if (echo !== undefined) response.setHeader('X-Echo', echo);
    const url = new URL(request.url, 'http://shop');
    if (url.pathname === '/healthz') return send(response, 200, 'ok\n', 'text/plain');
    if (url.pathname === '/events') return ticker(response);
    if (url.pathname === '/download') return download(url.searchParams, response);
    if (url.pathname === '/upload' && request.method === 'POST') return upload(request, response);
    return page(request, response, url.pathname);
  }

  async function page(request, response, path) {
    const body = request.method === 'POST' ? await read(request) : '';
    const tookMs = release.medianMs * release.slowdown * Math.exp(0.35 * gaussian());
    if (tookMs >= 1) await sleep(tookMs);
    if (Math.random() < release.errorRate) return send(response, 500, sorryPage(release));
    const items = Number(/(?:^|; )cart=(\d+)/.exec(request.headers.cookie ?? '')?.[1] ?? 0);
    if (path === '/cart' && request.method === 'POST') return addToCart(response, items, body);
    if (path === '/cart') return send(response, 200, cartPage(release, items));
    if (path === '/') return send(response, 200, listPage(release, items));
    const product = PRODUCTS.find(({ id }) => path === `/product/${id}`);
    if (product === undefined) return send(response, 404, notFoundPage(release, items));
    return send(response, 200, productPage(release, items, product));
  }

  /** An event stream of the stock. Its ids count up from 1, so that a reader can tell whether one is missing. */
  function ticker(response) {
    response.writeHead(200, { 'Content-Type': 'text/event-stream', 'Cache-Control': 'no-store' });
    let id = 0;
    const tick = () => {
      // A reader who does not keep up gets fewer events, not a longer queue.
      if (response.writableLength > BLOCK_BYTES) return;
      const { id: product, stock } = PRODUCTS[id % PRODUCTS.length];
      const left = Math.max(1, stock - Math.floor(Math.random() * 4));
      response.write(`id: ${++id}\ndata: ${JSON.stringify({ version: release.version, product, left })}\n\n`);
    };
    tick();
    const timer = setInterval(tick, release.tickMs);
    const end = () => response.end('event: end\ndata: {}\n\n');
    streams.add(end);
    response.on('close', () => clearInterval(timer) ?? streams.delete(end));
  }

  /** Finishes what is under way, ends streams in order, takes nothing new. */
  server.leave = () => {
    server.close();
    for (const end of streams) end();
  };
  return server;
}

/** The cart is a number in a cookie: both versions can read it, so a switch never empties it. */
function addToCart(response, items, body) {
  const product = new URLSearchParams(body).get('product') ?? '';
  response.setHeader('Set-Cookie', `cart=${Math.min(items + 1, 99)}; Path=/; SameSite=Lax`);
  response.writeHead(303, {
    Location: product === '' ? '/cart' : `/product/${product}`,
    'Content-Length': 0,
  });
  response.end();
}

/** Answers the digest of what came, so that the sender can check that nothing was lost or added. */
async function upload(request, response) {
  const hash = createHash('sha256');
  let bytes = 0;
  for await (const part of request) {
    hash.update(part);
    bytes += part.length;
  }
  send(response, 200, JSON.stringify({ bytes, sha256: hash.digest('hex') }), 'application/json');
}

/** `bytes` of noise at `rate` bytes a second (0: as fast as it goes), its CRC-32 told ahead; `chunked` without a length. */
async function download(query, response) {
  const bytes = Math.min(Number(query.get('bytes') ?? 0) || 0, MAX_DOWNLOAD_BYTES);
  let crc = 0;
  for (let from = 0; from < bytes; from += BLOCK_BYTES) crc = crc32(noise(from, bytes), crc);
  response.setHeader('X-Crc32', crc.toString(16));
  response.setHeader('Content-Type', 'application/octet-stream');
  if (!query.has('chunked')) response.setHeader('Content-Length', bytes);
  const rate = Number(query.get('rate') ?? 0) || 0;
  // A reader who leaves early is no fault of ours.
  await pipeline(parts(bytes, rate), response).catch(() => response.destroy());
}

async function* parts(bytes, rate) {
  const size = rate > 0 ? Math.min(BLOCK_BYTES, Math.ceil(rate / 20)) : BLOCK_BYTES;
  for (let from = 0; from < bytes; from += size) {
    if (rate > 0 && from > 0) await sleep((size / rate) * 1000);
    yield noise(from, Math.min(bytes, from + size));
  }
}

function noise(from, to) {
  const start = from % BLOCK_BYTES;
  return NOISE.subarray(start, start + Math.min(BLOCK_BYTES, to - from));
}

async function read(request) {
  let text = '';
  for await (const part of request.setEncoding('utf8')) if (text.length < 10_000) text += part;
  return text;
}

function send(response, status, body, type = 'text/html; charset=utf-8') {
  response.writeHead(status, { 'Content-Type': type, 'Content-Length': Buffer.byteLength(body) });
  response.end(body);
}

function gaussian() {
  return Math.sqrt(-2 * Math.log(1 - Math.random())) * Math.cos(2 * Math.PI * Math.random());
}

if (import.meta.main) {
  const defaults = { medianMs: 4, errorRate: 0, slowdown: 1, tickMs: 1000 };
  const file = new URL('version.json', import.meta.url);
  const shop = createShop({ ...defaults, ...JSON.parse(readFileSync(file, 'utf8')) });
  shop.listen(Number(process.env.PORT ?? 3000), '127.0.0.1', () =>
    console.log(`shop listens on ${shop.address().port}`),
  );
  process.once('SIGTERM', () => shop.leave());
  process.once('SIGINT', () => shop.leave());
}
