import type { RolloutView } from '../controller/views.ts';
import { printable } from '../release/problem.ts';
import { decimals, grouped, signed } from './format.ts';

/** A table of plain text; what would end a cell is taken out of it. */
export function tableOf(head: readonly string[], rows: readonly (readonly string[])[]): readonly string[] {
  return [line(head), `|${head.map(() => ' --- ').join('|')}|`, ...rows.map(line)];
}

function line(cells: readonly string[]): string {
  return `| ${cells.map(cell).join(' | ')} |`;
}

function cell(text: string): string {
  return printable(text).replaceAll('|', '\\|');
}

type Check = NonNullable<RolloutView['verdict']>['checks'][number];

/** The checks of a verdict: values, where the difference surely lies, and what it may be. */
export function checksTable(
  checks: readonly Check[],
  sides: { readonly label: string; readonly from: string | null },
): readonly string[] {
  return tableOf(
    ['check', sides.label, sides.from ?? 'stable', 'difference', 'surely between', 'limit', 'state'],
    checks.map((check) => {
      const apart = check.unit === 'percent' ? 'pp' : '%';
      const [lo, hi] = check.interval ?? [null, null];
      return [
        check.name,
        valueOf(check, check.candidate),
        valueOf(check, check.stable),
        check.difference === null ? '–' : `${signed(check.difference)}${apart}`,
        lo === null ? '–' : `${signed(lo)} and ${hi === null ? '?' : signed(hi)}`,
        `${signed(check.limit)}${apart}`,
        check.state,
      ];
    }),
  );
}

function valueOf({ unit }: Check, value: number | null): string {
  if (value === null) return '–';
  return unit === 'ms' ? `${grouped(value)} ms` : `${decimals(value)} %`;
}
