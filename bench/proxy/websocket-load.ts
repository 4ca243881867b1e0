/** Messages over WebSockets, each sent once the one before was echoed: PORT, connections, seconds. Tells how many came back. */
import { randomBytes } from 'node:crypto';
import { type Socket, connect } from 'node:net';
import { ECHO, FROM_CLIENT } from './messages.ts';

const [port = 0, connections = 0, seconds = 0] = process.argv.slice(2).map(Number);
let messages = 0;
let errors = 0;
let isOver = false;

function open(): void {
  const socket = connect({ host: '127.0.0.1', port, noDelay: true });
  const key = randomBytes(16).toString('base64');
  socket.write(
    `GET /echo HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: ${key}\r\n\r\n`,
  );
  let head = '';
  const takeHead = (part: Buffer): void => {
    head += part.toString('latin1');
    if (!head.includes('\r\n\r\n')) return;
    socket.off('data', takeHead);
    if (head.startsWith('HTTP/1.1 101')) talk(socket);
    else fail(socket);
  };
  socket.on('data', takeHead);
  socket.on('error', () => fail(socket));
  socket.on('close', () => fail(socket));
}

function talk(socket: Socket): void {
  let bytes = 0;
  socket.on('data', (part) => {
    bytes += part.length;
    if (bytes < ECHO.length) return;
    bytes -= ECHO.length;
    if (isOver) return;
    messages++;
    socket.write(FROM_CLIENT);
  });
  socket.write(FROM_CLIENT);
}

function fail(socket: Socket): void {
  if (!isOver) errors++;
  socket.removeAllListeners('close').destroy();
}

for (let i = 0; i < connections; i++) open();
setTimeout(() => {
  isOver = true;
  process.send!({ requests: messages, perSecond: messages / seconds, errors });
}, seconds * 1000);
process.once('disconnect', () => process.exit());
