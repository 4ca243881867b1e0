/** A row: what was measured, and of each proxy that could be, the value of each round. */
export type Row = {
  readonly title: string;
  readonly digits: number;
  readonly cells: ReadonlyMap<string, readonly number[]>;
  /** Of each round beside the same round of this one; it gets no ratio itself. */
  readonly beside?: string;
};

/** Markdown; medians of the rounds, in brackets the least and the most. */
export function table(rows: readonly Row[], proxies: readonly string[]): string {
  const lines = rows.flatMap((row) => {
    const all = proxies.map((proxy) => spread(row.cells.get(proxy) ?? [], row.digits));
    const first = [row.title, ...all];
    return row.beside === undefined ? [first] : [first, ratios(row, proxies)];
  });
  const head = [
    ['', ...proxies],
    ['---', ...proxies.map(() => '--:')],
  ];
  return [...head, ...lines].map((cells) => `| ${cells.join(' | ')} |`).join('\n');
}

function ratios(row: Row, proxies: readonly string[]): string[] {
  const own = row.cells.get(row.beside!);
  const each = proxies.map((proxy) => {
    const cell = row.cells.get(proxy);
    if (proxy === row.beside || cell === undefined || own === undefined) return '–';
    return `${spread(ratiosOf(own, cell), 2)} ×`;
  });
  return [`… ${row.beside} beside it`, ...each];
}

/** Rounds are compared with their own: what the machine does besides falls on both. */
export function ratiosOf(values: readonly number[], others: readonly number[]): number[] {
  return values.map((value, i) => value / others[i]!);
}

function spread(values: readonly number[], digits: number): string {
  if (values.length === 0) return '–';
  const text = median(values).toFixed(digits);
  if (values.length === 1) return text;
  const [least, most] = [Math.min(...values), Math.max(...values)].map((value) => value.toFixed(digits));
  return `${text} (${least}–${most})`;
}

export function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN;
}
