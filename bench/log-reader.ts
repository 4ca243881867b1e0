/** What reading nginx's log costs: `node bench/log-reader.ts [lines]`. The promise: at most 5 µs of CPU a line. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onAddress } from '../src/lib/upstream.ts';
import { AccessLog } from '../src/traffic/access-log/access-log.ts';
import { lineParser } from '../src/traffic/nginx/log-line.ts';

const LINES = Number(process.argv[2] ?? 500_000);
const PER_SECOND = 5000;
const START = 1_700_000_000;
const MOST_US = 5;

const directory = mkdtempSync(join(tmpdir(), 'bascule-log-bench-'));
try {
  const path = join(directory, 'shop.log');
  writeFileSync(path, '');
  let nowMs = START * 1000;
  const slots = {
    blue: [onAddress({ host: '127.0.0.1', port: 8201 })],
    green: [onAddress({ host: '127.0.0.1', port: 8202 })],
  };
  const log = new AccessLog({
    path,
    maxBytes: Number.MAX_SAFE_INTEGER,
    parse: lineParser(slots),
    epoch: 'a',
    closeAfterMs: 1500,
    nowMs: () => nowMs,
    wallMs: () => nowMs,
    reopen: () => Promise.resolve(),
  });
  let { cursor } = log.batch(null);
  log.follow('r-1', '00112233445566778899aabbccddeeff');
  writeFileSync(path, Array.from({ length: LINES }, (_, at) => line(at)).join(''));
  nowMs += (LINES / PER_SECOND + 10) * 1000;

  const before = process.cpuUsage();
  let attempts = 0;
  let people = 0;
  for (let last = -1; attempts < LINES && last !== attempts;) {
    last = attempts;
    for (let i = 0; i < 100 && last === attempts; i += 1) {
      const batch = log.batch(cursor);
      ({ cursor } = batch);
      for (const each of batch.replicas) attempts += each.attempts;
      for (const each of batch.identities) people += each.assigned;
    }
  }
  const { user, system } = process.cpuUsage(before);
  const perLine = (user + system) / LINES;
  console.log(
    `${LINES} lines, ${attempts} attempts and ${people} people counted: ${perLine.toFixed(2)} µs of CPU a line`,
  );
  if (attempts !== LINES || perLine > MOST_US) process.exitCode = 1;
} finally {
  rmSync(directory, { recursive: true });
}

function line(at: number): string {
  const ms = (START + 1) * 1000 + Math.floor((at / PER_SECOND) * 1000);
  const green = at % 20 === 0;
  const identity = Math.imul(at % 50_000, 2_654_435_761)
    .toString(16)
    .replace('-', '')
    .padStart(32, '0');
  return `b1\t${new Date(ms).toISOString().slice(0, 19)}+00:00\t${green ? 'green' : 'blue'}\t200\tOK\t127.0.0.1:${green ? 8202 : 8201}\t200\t0.00${at % 9}\t512\t512\t\t${identity}\n`;
}
