import { spawn } from 'node:child_process';
import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { MUTANTS, type Mutant } from './mutants.ts';

const { values } = parseArgs({
  options: {
    only: { type: 'string' },
    seeds: { type: 'string', default: '10000' },
    from: { type: 'string', default: '1' },
  },
});

type Found = { readonly seeds: number; readonly breach: string };

let survivors = 0;
console.log('| mutant | of | seeds until found | breach |\n|---|---|--:|---|');
for (const mutant of MUTANTS.filter(({ name }) => values.only === undefined || name.includes(values.only))) {
  const found = await hunt(mutant);
  if (found === null) survivors += 1;
  const what = found === null ? '| **survives** |' : `${found.seeds} | ${found.breach.replaceAll('|', '/')}`;
  console.log(`| ${mutant.name} | ${mutant.area} | ${what} |`);
}
process.exitCode = survivors === 0 ? 0 : 1;

/** Plays seeds against a copy of the tree with the mutant in it, until one finds it. */
async function hunt(mutant: Mutant): Promise<Found | null> {
  const folder = mkdtempSync(join(tmpdir(), 'bascule-mutant-'));
  try {
    for (const name of ['src', 'sim', 'package.json']) cpSync(name, join(folder, name), { recursive: true });
    symlinkSync(join(process.cwd(), 'node_modules'), join(folder, 'node_modules'));
    const file = join(folder, mutant.file);
    writeFileSync(file, mutated(readFileSync(file, 'utf8'), mutant));
    return foundIn(await output(folder), mutant);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function mutated(text: string, { name, file, from, to }: Mutant): string {
  if (text.split(from).length !== 2) throw new Error(`"${name}": its line is not in ${file} exactly once`);
  return text.replace(from, () => to);
}

function output(folder: string): Promise<string> {
  const args = ['sim/main.ts', `--seeds=${values.seeds}`, `--from=${values.from}`, '--stop', '--jobs=1'];
  const child = spawn(process.execPath, args, { cwd: folder, stdio: ['ignore', 'pipe', 'pipe'] });
  let said = '';
  child.stdout.on('data', (chunk: Buffer) => (said += chunk.toString()));
  child.stderr.on('data', (chunk: Buffer) => (said += chunk.toString()));
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('close', () => resolve(said));
  });
}

/** A program that ends with an error of its own has not found anything. */
function foundIn(said: string, { name }: Mutant): Found | null {
  const breach = /^seed (?<seed>\d+): BREACH at (?<what>.*)$/mu.exec(said)?.groups;
  if (breach !== undefined)
    return {
      seeds: Number(breach['seed']) - Number(values.from) + 1,
      breach: breach['what']!.replace(/^[\d.]+s: /u, ''),
    };
  if (!/^\d+ seeds, /mu.test(said)) throw new Error(`"${name}" does not run:\n${said.slice(-2000)}`);
  return null;
}
