/**
 * `npm run bench:start`: how long commands of the installed package take, beside a node that does nothing.
 *
 *   --rounds 31   --most 2.5
 *
 * `npm pack`, unpacked as npm does; a real server answers `status`. The commands take turns, so that what else the machine
 * does meets all of them; medians of the time on the clock. Ends with 1 when one takes more than `--most` times bare node.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, realpath, rm } from 'node:fs/promises';
import { loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { createWorld } from '../test/e2e/harness.ts';
import { install } from '../test/e2e/installed.ts';

const WARM_UP_ROUNDS = 3;

type Command = { readonly name: string; readonly args: readonly string[]; readonly tookMs: number[] };

async function main(rounds: number, most: number): Promise<number> {
  const home = await realpath(await mkdtemp(join(tmpdir(), 'bascule-bench-start-')));
  const { program } = await install(home);
  const world = await createWorld([process.execPath, program]);
  try {
    await world.serve();
    const where = ['--state-dir', world.stateDirectory];
    const bare: Command = { name: 'node -e 0', args: ['-e', '0'], tookMs: [] };
    const commands: readonly Command[] = [
      { name: 'bascule --help', args: [program, '--help'], tookMs: [] },
      { name: 'bascule status', args: [program, 'status', ...where], tookMs: [] },
    ];
    for (let round = -WARM_UP_ROUNDS; round < rounds; round++) {
      for (const { args, tookMs } of [bare, ...commands]) {
        const ms = await timed(args);
        if (round >= 0) tookMs.push(ms);
      }
    }
    return print(bare, commands, most);
  } finally {
    await world.close();
    await rm(home, { recursive: true });
  }
}

async function timed(args: readonly string[]): Promise<number> {
  const beganMs = performance.now();
  const child = spawn(process.execPath, args, { stdio: 'ignore' });
  const [code] = (await once(child, 'exit')) as [number | null];
  const tookMs = performance.now() - beganMs;
  if (code !== 0) throw new Error(`"${args.join(' ')}" ended with ${code}`);
  return tookMs;
}

function print(bare: Command, commands: readonly Command[], most: number): number {
  const unitMs = median(bare.tookMs);
  console.log(`${bare.tookMs.length} rounds, load average ${loadavg()[0]!.toFixed(1)}\n`);
  console.log('command           median ms   (min–max)     beside bare node');
  let slow = 0;
  for (const { name, tookMs } of [bare, ...commands]) {
    const ratio = median(tookMs) / unitMs;
    if (ratio > most) slow++;
    const range = `(${Math.min(...tookMs).toFixed(0)}–${Math.max(...tookMs).toFixed(0)})`;
    console.log(
      `${name.padEnd(18)}${median(tookMs).toFixed(1).padEnd(12)}${range.padEnd(14)}${ratio.toFixed(2)} ×`,
    );
  }
  console.log(slow === 0 ? 'PASS' : `FAIL: more than ${most} times bare node`);
  return slow === 0 ? 0 : 1;
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN;
}

const text = { type: 'string' } as const;
const { values } = parseArgs({ options: { rounds: text, most: text }, strict: true });
process.exitCode = await main(Number(values.rounds ?? 31), Number(values.most ?? 2.5));
