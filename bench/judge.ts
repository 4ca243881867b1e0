/**
 * Judges side by side on the same traffic: this one by its presets and by the settings of its goal figures, and the rules that
 * other tools go by. Prints Markdown tables, the goals G1 to G14, and what judging costs; ends with 1 if a goal was missed.
 *
 *   npm run bench:judge -- [--reps 200] [--only PATTERN] [--judges PATTERN] [--cost] [--pieces FILE] [--print]
 *
 * Traffic of real processes comes from bench/judge/traces, or from another folder by --traces; `node bench/judge/record.ts FOLDER`
 * records it.
 * With --pieces what was run is kept in that file, and what stands there is not run again; --print runs nothing at all.
 */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { cellOf, takersOf, type Cell } from './judge/compare.ts';
import { costs, type Costs } from './judge/cost.ts';
import { goalsOf } from './judge/goals.ts';
import { SCENARIOS } from './judge/scenarios.ts';
import { tracesIn } from './judge/trace.ts';
import { costTable, faultTable, healthyTable } from './judge/table.ts';

const { values } = parseArgs({
  options: {
    reps: { type: 'string', default: '200' },
    only: { type: 'string', default: '' },
    judges: { type: 'string', default: '' },
    cost: { type: 'boolean', default: false },
    traces: { type: 'string', default: fileURLToPath(new URL('judge/traces', import.meta.url)) },
    pieces: { type: 'string', default: '' },
    print: { type: 'boolean', default: false },
  },
});
const reps = Number(values.reps);
if (!(reps >= 10)) throw new Error('--reps takes a number from 10 on');

const scenarios = values.cost
  ? []
  : [...SCENARIOS, ...tracesIn(values.traces)].filter(({ id }) => new RegExp(values.only, 'u').test(id));
const judges = new RegExp(values.judges, 'u');
const cells: Cell[] = existsSync(values.pieces)
  ? (JSON.parse(readFileSync(values.pieces, 'utf8')) as Cell[])
  : [];
for (const scenario of values.print ? [] : scenarios) {
  for (const contender of takersOf(scenario)) {
    const isThere = cells.some((cell) => cell.scenario === scenario.id && cell.contender === contender.id);
    if (judges.test(contender.id) && !isThere) cells.push(cellOf(contender, scenario, reps));
  }
  if (values.pieces !== '') writeFileSync(values.pieces, JSON.stringify(cells));
  console.error(`${scenario.id} done`);
}
const healthy = scenarios.filter((one) => one.kind === 'healthy');
const faults = scenarios.filter((one) => one.kind === 'fault');
if (healthy.length > 0) console.log(`## Healthy versions\n\n${healthyTable(healthy, cells)}\n`);
if (faults.length > 0) console.log(`## Faults\n\n${faultTable(faults, cells)}\n`);

let cost: Costs | null = null;
if (values.only === '' && values.pieces === '') {
  cost = costs();
  console.log(`## Cost, in CPU time\n\n${costTable(cost)}\n`);
}

const goals = goalsOf(cells, cost);
console.log('## Goals\n\n| | goal | found | |\n|---|---|---|---|');
for (const goal of goals) console.log(`| ${goal.id} | ${goal.says} | ${goal.found} | ${goal.word} |`);
if (goals.some((goal) => goal.word === 'MISSED')) process.exitCode = 1;
