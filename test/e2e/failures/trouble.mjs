// An application that behaves as mode.json beside it says. It listens on $PORT, and every answer names its version.
import { spawn } from 'node:child_process';
import { readFileSync, writeSync } from 'node:fs';
import { createServer } from 'node:http';

const { version } = JSON.parse(readFileSync('version.json', 'utf8'));
const mode = JSON.parse(readFileSync('mode.json', 'utf8'));
const isChild = process.argv[2] === 'child';

let pages = 0;
function serve() {
  createServer((request, response) => {
    response.setHeader('X-Version', version);
    if (request.url === '/healthz') return response.end('ok\n');
    pages += 1;
    if (mode === 'fails all else') response.statusCode = 500;
    if (mode === 'hangs later' && pages > 20) process.kill(process.pid, 'SIGSTOP');
    if (mode === 'crash loop' && pages % 10 === 0) process.exit(7);
    response.end(`${version}\n`);
  }).listen(process.env.PORT, '127.0.0.1');
}

function leaveTo(options) {
  spawn(process.execPath, [process.argv[1], 'child'], { stdio: 'inherit', ...options }).unref();
  process.exit(0);
}

if (mode === 'ignores SIGTERM') process.on('SIGTERM', () => undefined);
if (mode === 'exits at once') process.exit(3);
if (mode === 'hangs at start') setInterval(() => undefined, 1000);
else if (mode === 'forks and exits' && !isChild) leaveTo({});
else if (mode === 'forks twice' && !isChild) leaveTo({ detached: true });
else serve();
if (mode === 'prints 1 GB') {
  const block = 'one line of many that nobody will ever read\n'.repeat(20_000);
  let left = 1e9;
  const print = () => {
    left -= writeSync(1, block);
    // About 40 MB/s: a disk that tests share puts aside no more.
    if (left > 0) setTimeout(print, 20);
    else console.log('printed it all');
  };
  print();
}
