import { quantile, type Cell } from './compare.ts';
import { CONTENDERS } from './contenders.ts';
import type { Costs } from './cost.ts';
import { percent } from './goals.ts';
import type { Scenario } from './scenarios.ts';

/** A row for each scenario, a column for each judge. A dash: not run. */
export function healthyTable(scenarios: readonly Scenario[], cells: readonly Cell[]): string {
  return tableOf('gone back falsely; median seconds until through', scenarios, cells, (cell) => {
    const done = quantile(cell.doneSeconds, 0.5);
    const rest = [
      ...(Number.isNaN(done) ? [] : [`${done} s`]),
      ...(cell.held > 0 ? [`${percent(cell.held / cell.runs)} held`] : []),
      ...(cell.asks > 0 ? [`${percent(cell.asks / cell.runs)} asks`] : []),
    ];
    return [percent(cell.back / cell.runs), ...rest].join('; ');
  });
}

export function faultTable(scenarios: readonly Scenario[], cells: readonly Cell[]): string {
  return tableOf(
    'found; median and p95 seconds; median requests that it served',
    scenarios,
    cells,
    (cell) => {
      if (cell.back === 0) return cell.asks > 0 ? '0 %, asks a person' : '0 %';
      const [middle, late] = [quantile(cell.backSeconds, 0.5), quantile(cell.backSeconds, 0.95)];
      return `${percent(cell.back / cell.runs)}; ${middle}/${late} s; ${quantile(cell.backRequests, 0.5)}`;
    },
  );
}

export function costTable({ rows, live }: Costs): string {
  return [
    line(['', 'a second judged', 'a verdict shown', 'state as JSON, deflated', 'memory asked for a second']),
    line(['---', '--:', '--:', '--:', '--:']),
    ...rows.map((one) =>
      line([
        `${one.checks} checks, ${one.rps} req/s`,
        `${one.secondMicros.toFixed(1)} µs`,
        `${one.verdictMicros.toFixed(1)} µs`,
        `${kib(one.stateBytes)}, ${kib(one.packedBytes)}`,
        kib(one.allocated),
      ]),
    ),
    '',
    ...live.map(
      ({ checks, part, heldBytes }) =>
        `1,000 live judges with ${checks} checks: ${(100 * part).toFixed(1)} % of a core, ${kib(heldBytes)} of memory each`,
    ),
  ].join('\n');
}

function tableOf(
  says: string,
  scenarios: readonly Scenario[],
  cells: readonly Cell[],
  words: (cell: Cell) => string,
): string {
  const used = CONTENDERS.filter((one) => cells.some((cell) => cell.contender === one.id));
  const rows = scenarios.map((scenario) => {
    const found = used.map((one) => {
      const cell = cells.find((other) => other.contender === one.id && other.scenario === scenario.id);
      return cell === undefined ? '–' : words(cell);
    });
    return line([`${scenario.says}, ${scenario.rps} req/s`, ...found]);
  });
  const runs = used.map((one) => {
    const all = cells.filter((cell) => cell.contender === one.id).map((cell) => cell.runs);
    return `${one.name} (${Math.min(...all)} runs)`;
  });
  return [`${says}:`, '', line(['', ...runs]), line(['---', ...used.map(() => '--:')]), ...rows].join('\n');
}

function kib(bytes: number): string {
  return `${(bytes / 1024).toFixed(1)} KiB`;
}

function line(texts: readonly string[]): string {
  return `| ${texts.join(' | ')} |`;
}
