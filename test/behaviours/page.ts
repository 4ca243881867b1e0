import { cell } from '../corpus/page.ts';
import { OWN_SUBJECTS, SUBJECTS } from './behaviours.ts';
import type { Case } from './case.ts';
import { PEER_NAMES, type PeerName } from './peers.ts';
import { type Seen, shortened } from './seen.ts';

const INTRODUCTION = `# What proxies do

Made by \`npm run behaviours\`. Each line is a test through real sockets: the built-in proxy, and nginx and HAProxy with plain configuration as
their manuals show it, written by hand (\`test/behaviours/peers.ts\`), so that it is known what is the world's way and what is ours. Where
another one does otherwise it stands in **bold**. Much of it can be configured otherwise there; what Bascule renders for them is not what is tried here.
\`npm test\` holds all three to this page. How each takes what is malformed is on [a page of its own](malformed-requests.md).
`;

/** As a cell of the page: an empty value has to be seen. */
function seenCell(text: string | undefined): string {
  return text === undefined ? 'not tried' : text === '' ? '(empty)' : cell(shortened(text));
}

export function renderBehaviours(
  seen: Readonly<Record<PeerName, Seen>>,
  versions: Readonly<Record<PeerName, string>>,
): string {
  const total = [...SUBJECTS, ...OWN_SUBJECTS].reduce((sum, { cases }) => sum + cases.length, 0);
  const tried = PEER_NAMES.map((name) => `${name} ${versions[name]}`).join(', ');
  return [
    `${INTRODUCTION}\n${total} behaviours. Tried: ${tried}.\n`,
    ...SUBJECTS.map(({ title, cases }) =>
      section(
        title,
        ['built-in', ...PEER_NAMES],
        cases.map((each) => row(each, seen)),
      ),
    ),
    '\n# What is Bascule’s own\n',
    ...OWN_SUBJECTS.map(({ title, cases }) =>
      section(
        title,
        ['built-in'],
        cases.map(({ name, wanted }) => [cell(name), seenCell(wanted)]),
      ),
    ),
  ].join('\n');
}

/** The whole line of the page, for a test to look for. */
export function row(each: Case, seen: Readonly<Record<PeerName, Seen>>): string[] {
  const wanted = seenCell(each.wanted);
  return [
    cell(each.name),
    wanted,
    ...PEER_NAMES.map((name) => {
      const why = each.not?.[name];
      if (why !== undefined) return `(${why})`;
      const found = seenCell(seen[name].get(each.name));
      return found === wanted ? found : `**${found}**`;
    }),
  ];
}

function section(title: string, columns: readonly string[], rows: readonly (readonly string[])[]): string {
  return `\n## ${title}\n\n${line(['', ...columns])}${line(['', ...columns].map(() => '---'))}${rows.map(line).join('')}`;
}

function line(cells: readonly string[]): string {
  return `| ${cells.join(' | ')} |\n`;
}
