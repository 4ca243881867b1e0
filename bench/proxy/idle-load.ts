/**
 * Clients that ask once and stay connected: PORT, how many at first, how many then. Tells when each part of them stands; asked
 * again, how many still do.
 */
import { connect } from 'node:net';

const [port = 0, first = 0, then = 0] = process.argv.slice(2).map(Number);
const AT_ONCE = 50;
/** One address has some 28,000 ports, of which others are in use. */
const ADDRESSES = 8;
let open = 0;

function askOnce(i: number): Promise<void> {
  return new Promise((resolve, reject) => {
    const localAddress = `127.0.0.${2 + (i % ADDRESSES)}`;
    const socket = connect({ host: '127.0.0.1', port, localAddress });
    let answer = '';
    socket.write(`GET / HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\n\r\n`);
    socket.on('data', (part) => {
      answer += part.toString('latin1');
      if (!answer.endsWith('x\n')) return;
      answer = '';
      open++;
      resolve();
    });
    socket.on('close', () => {
      open--;
      reject(new Error('closed'));
    });
    socket.on('error', reject);
  });
}

async function openMany(count: number): Promise<void> {
  for (let i = 0; i < count; i += AT_ONCE)
    await Promise.all(Array.from({ length: Math.min(AT_ONCE, count - i) }, (_, at) => askOnce(i + at)));
}

process.once('disconnect', () => process.exit());
await openMany(first);
process.send!(open);
process.once('message', () => {
  void openMany(then).then(() => process.send!(open));
  process.on('message', () => process.send!(open));
});
