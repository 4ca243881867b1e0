/** What reading the logs of nginx and HAProxy costs: `node bench/log-reader.ts [lines]`. The promise: at most 5 µs of CPU a line. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onAddress } from '../src/lib/upstream.ts';
import { AccessLog } from '../src/traffic/access-log/access-log.ts';
import type { ParseLine } from '../src/traffic/access-log/record.ts';
import { CrossCheck } from '../src/traffic/haproxy/cross-check.ts';
import { lineParser as haproxyParser } from '../src/traffic/haproxy/log-line.ts';
import { lineParser as nginxParser } from '../src/traffic/nginx/log-line.ts';

const LINES = Number(process.argv[2] ?? 500_000);
const PER_SECOND = 5000;
const PEOPLE = 50_000;
const START = 1_700_000_000;
const MOST_US = 5;

type Proxy = { readonly name: string; readonly parse: ParseLine; readonly line: (at: number) => string };

const check = new CrossCheck();
const NGINX: Proxy = {
  name: 'nginx',
  parse: nginxParser({
    blue: [onAddress({ host: '127.0.0.1', port: 8201 })],
    green: [onAddress({ host: '127.0.0.1', port: 8202 })],
  }),
  line: (at) => {
    const second = new Date(msOf(at)).toISOString().slice(0, 19);
    const [slot, port] = isGreen(at) ? ['green', 8202] : ['blue', 8201];
    const person = personOf(at).toString(16).padStart(32, '0');
    return `b1\t${second}+00:00\t${slot}\t200\tOK\t127.0.0.1:${port}\t200\t0.00${at % 9}\t512\t512\t\t${person}\n`;
  },
};
const HAPROXY: Proxy = {
  name: 'HAProxy',
  parse: haproxyParser(
    'shop',
    () => 1,
    (worker, backend) => check.saw(worker, backend),
  ),
  line: (at) => {
    const slot = isGreen(at) ? 'green' : 'blue';
    return `bascule2 ${Math.floor(msOf(at))} bascule.shop.${slot} ${slot}0 200 -- 0 ${1000 * (at % 9)} ${personOf(at) - 2 ** 31} 77\n`;
  },
};

for (const proxy of [NGINX, HAPROXY]) {
  const { attempts, people, micros } = read(proxy);
  console.log(
    `${proxy.name}: ${LINES} lines, ${attempts} attempts and ${people} people counted: ${micros.toFixed(2)} µs of CPU a line`,
  );
  if (attempts !== LINES || people < Math.min(LINES, PEOPLE) || micros > MOST_US) process.exitCode = 1;
}

function read({ parse, line }: Proxy): { attempts: number; people: number; micros: number } {
  const directory = mkdtempSync(join(tmpdir(), 'bascule-log-bench-'));
  try {
    const path = join(directory, 'shop.log');
    writeFileSync(path, '');
    let nowMs = START * 1000;
    const log = new AccessLog({
      path,
      maxBytes: Number.MAX_SAFE_INTEGER,
      parse,
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
    return { attempts, people, micros: (user + system) / LINES };
  } finally {
    rmSync(directory, { recursive: true });
  }
}

function msOf(at: number): number {
  return (START + 1) * 1000 + Math.floor((at / PER_SECOND) * 1000);
}

function isGreen(at: number): boolean {
  return at % 20 === 0;
}

/** 32 bits, spread. */
function personOf(at: number): number {
  return Math.imul(at % PEOPLE, 2_654_435_761) >>> 0;
}
