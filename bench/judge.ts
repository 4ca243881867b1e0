/**
 * Judges side by side on the same traffic: this one by its presets and by the settings of its goal figures, and the rules that
 * other tools go by. Prints Markdown tables, the goals G1 to G14, and what judging costs; ends with 1 if a goal was missed.
 *
 *   npm run bench:judge -- [--reps 200] [--only PATTERN] [--judges PATTERN] [--cost] [--pieces FILE] [--print]
 *
 * --traces FOLDER adds traffic of real processes, recorded by `node bench/judge/record.ts FOLDER`.
 * With --pieces what was run is kept in that file, and what stands there is not run again; --print runs nothing at all.
 */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { cellOf, takersOf, type Cell } from './judge/compare.ts';
import { coreForLive, costs, type Cost } from './judge/cost.ts';
import { goalsOf } from './judge/goals.ts';
import { SCENARIOS } from './judge/scenarios.ts';
import { tracesIn } from './judge/trace.ts';
import { faultTable, healthyTable } from './judge/table.ts';

const { values } = parseArgs({
  options: {
    reps: { type: 'string', default: '200' },
    only: { type: 'string', default: '' },
    judges: { type: 'string', default: '' },
    cost: { type: 'boolean', default: false },
    traces: { type: 'string', default: '' },
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

let ten: Cost | null = null;
if (values.only === '' && values.pieces === '') {
  const all = costs();
  ten = all.find((one) => one.name.startsWith('10 checks, 100 ')) ?? null;
  console.log('## Cost, in CPU time\n\n| | a second judged | a verdict | state |\n|---|--:|--:|--:|');
  for (const one of all)
    console.log(
      `| ${one.name} | ${one.secondMicros.toFixed(1)} µs | ${one.verdictMicros.toFixed(1)} µs | ${one.stateBytes} bytes |`,
    );
  const live = coreForLive();
  console.log(`\n${live.judges} live judges: ${(100 * live.part).toFixed(1)} % of a core\n`);
}

const goals = goalsOf(cells, ten);
console.log('## Goals\n\n| | goal | found | |\n|---|---|---|---|');
for (const goal of goals)
  console.log(`| ${goal.id} | ${goal.says} | ${goal.found} | ${goal.isMet ? 'met' : 'MISSED'} |`);
if (goals.some((goal) => !goal.isMet)) process.exitCode = 1;
