// The example shop, which also says again what it hears on a WebSocket (frames below 126 bytes), and which leaves politely: it
// takes no new connection, ends those that it has with their next answer, and goes when nobody uses one any more.
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createShop } from './server.mjs';

const GUID = '258EAFA5-E914-47DA-95CA-C5AB0DC85B11';
const GOING_AWAY = Buffer.from([0x88, 2, 0x03, 0xe9]);
/** Longer than a proxy uses an idle connection again. */
const LEAVE_MS = 6000;
const sockets = new Set();

const defaults = { medianMs: 2, errorRate: 0, slowdown: 1, tickMs: 200 };
const file = new URL('version.json', import.meta.url);
const shop = createShop({ ...defaults, ...JSON.parse(readFileSync(file, 'utf8')) });
shop.on('upgrade', (request, socket) => {
  const key = request.headers['sec-websocket-key'] ?? '';
  const accept = createHash('sha1').update(`${key}${GUID}`).digest('base64');
  socket.write(
    `HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ${accept}\r\n\r\n`,
  );
  sockets.add(socket);
  socket.on('error', () => socket.destroy());
  socket.on('close', () => sockets.delete(socket));
  let bytes = Buffer.alloc(0);
  socket.on('data', (data) => {
    bytes = Buffer.concat([bytes, data]);
    while (bytes.length >= 6 && bytes.length >= 6 + (bytes[1] & 0x7f)) {
      const length = bytes[1] & 0x7f;
      const mask = bytes.subarray(2, 6);
      const payload = bytes.subarray(6, 6 + length).map((byte, at) => byte ^ mask[at % 4]);
      socket.write(Buffer.concat([Buffer.from([bytes[0], length]), payload]));
      if ((bytes[0] & 0x0f) === 8) socket.end();
      bytes = bytes.subarray(6 + length);
    }
  });
});
shop.listen(Number(process.env.PORT), '127.0.0.1', () => console.log('soaked shop listens'));
process.once('SIGTERM', () => {
  shop.closeIdleConnections = () => undefined;
  leave();
  // What comes on connections that are kept ends in order as well.
  setInterval(leave, 200);
  setTimeout(() => process.exit(), LEAVE_MS);
});

function leave() {
  shop.leave();
  for (const socket of sockets) socket.end(GOING_AWAY);
  sockets.clear();
}
