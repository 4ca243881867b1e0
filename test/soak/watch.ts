import { readFileSync, readdirSync } from 'node:fs';
import { childrenOf } from '../../bench/scale/usage.ts';

const EVERY_MS = 2000;
const MIB = 1024;

export type Sample = { readonly atMs: number; readonly rssMib: number; readonly descriptors: number };

/** A process of the server and of its proxy, by what it is. */
export type Watched = { readonly name: string; readonly pid: number; readonly samples: Sample[] };

/** Looks at memory and descriptors of the server, of the proxy's parent and of its workers until stopped. */
export class Watch {
  readonly all: readonly Watched[];
  readonly #timer: NodeJS.Timeout;
  readonly #beganMs = performance.now();

  constructor(controller: number) {
    this.all = family(controller).map(({ name, pid }) => ({ name, pid, samples: [] }));
    this.#sample();
    this.#timer = setInterval(() => this.#sample(), EVERY_MS);
  }

  /** By process. */
  look(): Record<string, Sample> {
    const atMs = performance.now() - this.#beganMs;
    return Object.fromEntries(this.all.map(({ name, pid }) => [name, { atMs, ...lookAt(pid) }]));
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  #sample(): void {
    const seen = this.look();
    for (const { name, samples } of this.all) samples.push(seen[name]!);
  }
}

function family(controller: number): { name: string; pid: number }[] {
  const parent = childrenOf(controller).find((pid) =>
    readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes('proxy-program'),
  );
  if (parent === undefined) throw new Error('the proxy is no child of the server');
  const workers = childrenOf(parent).map((pid, i) => ({ name: `worker ${i}`, pid }));
  return [{ name: 'server', pid: controller }, { name: "proxy's parent", pid: parent }, ...workers];
}

/** proc(5). Throws where the process is gone: none of these may end. */
function lookAt(pid: number): Omit<Sample, 'atMs'> {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8');
  const rssMib = Number(/VmRSS:\s+(\d+)/.exec(status)![1]) / MIB;
  return { rssMib, descriptors: readdirSync(`/proc/${pid}/fd`).length };
}
