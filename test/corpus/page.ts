import { PROXY_NAMES, type ProxyName } from '../wire/lanes.ts';
import type { Entry } from './entry.ts';
import type { Outcome } from './outcome.ts';

type Results = ReadonlyMap<ProxyName, readonly Outcome[]>;

const KINDS = ['refused', 'cut off', 'passed', 'cleaned', 'ambiguous'] as const;

const INTRODUCTION = `# Malformed and ambiguous requests

Made by \`npm run corpus\`. Each request goes through the built-in proxy, and through nginx and HAProxy with a few lines of
configuration written by hand, to an application that keeps every byte. What arrived is read by two parsers: a strict one, which knows
the grammar and nothing else, and llhttp told to let everything pass. It is

- **refused**: the application saw nothing,
- **cut off**: it saw a request that never ended, and the connection was closed,
- **passed**: it was sound, and both read the same,
- **cleaned**: the strict parser would have refused what was sent; what arrived both read the same,
- **ambiguous**: the strict one refuses what arrived, the two differ, there are more requests than answers or than the client sent by any
  strict reading, or \`X-Forwarded-For\` is not the client's address.

Ambiguous is not the same as exploitable: it says that whether it is depends on the application. With the built-in proxy it never does;
\`npm test\` holds it to that, and to the column below. Versions tried: nginx 1.22.1, HAProxy 2.6.12, each as Debian 12 has it.
`;

export function renderCorpus(entries: readonly Entry[], results: Results): string {
  const families = [...new Set(entries.map(({ family }) => family))];
  return [
    INTRODUCTION,
    `## In all: ${entries.length} requests\n`,
    table(
      ['', ...KINDS],
      PROXY_NAMES.map((name) => [name, ...KINDS.map((kind) => count(results.get(name)!, kind))]),
    ),
    ...families.map((family) => section(family, entries, results)),
  ].join('\n');
}

function section(family: string, entries: readonly Entry[], results: Results): string {
  const rows = entries.flatMap((entry, i) =>
    entry.family === family
      ? [[cell(entry.name), ...PROXY_NAMES.map((name) => shown(results.get(name)![i]!))]]
      : [],
  );
  return `\n## ${family[0]!.toUpperCase()}${family.slice(1)}\n\n${table(['', ...PROXY_NAMES], rows)}`;
}

/** As the page has it; the test looks for it there. */
export function shown({ kind, detail }: Outcome): string {
  return cell(kind === 'ambiguous' ? `**ambiguous**: ${detail}` : `${kind}: ${detail}`);
}

/** Names and reasons hold bytes of all kinds. */
export function cell(text: string): string {
  const plain = text.replaceAll(
    // oxlint-disable-next-line no-control-regex -- they are what it looks for
    /[\u0000-\u001f\u007f-\u00ff]/g,
    (each) => `\\x${each.charCodeAt(0).toString(16).padStart(2, '0')}`,
  );
  return plain.replaceAll('|', '&#124;').replaceAll('<', '&lt;').replaceAll('`', '&#96;');
}

function count(outcomes: readonly Outcome[], kind: Outcome['kind']): string {
  return String(outcomes.filter((each) => each.kind === kind).length);
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  return row(head) + row(head.map(() => '---')) + rows.map(row).join('');
}

function row(cells: readonly string[]): string {
  return `| ${cells.join(' | ')} |\n`;
}
