import type { Command } from 'commander';
import { createProgram, type Loaded } from './program.ts';
import type { Title } from './titles.ts';
import { GROUPS } from './verb.ts';

/** docs/cli.md, out of the commands themselves. */
export function renderReference(commands: readonly Loaded[]): string {
  const program = createProgram(
    commands,
    '',
    { out: () => undefined, err: () => undefined },
    () => undefined,
  );
  const lines = [
    '# Commands',
    '',
    'This page is generated from the commands: `npm run generate`. Each one has `--help`.',
    '',
    ...COMMON,
  ];
  for (const group of GROUPS) {
    lines.push(`## ${group}`, '');
    for (const { title } of commands.filter((one) => one.title.group === group)) {
      const command = program.commands.find((one) => one.name() === title.name);
      if (command !== undefined) lines.push(...commandLines(title, command));
    }
  }
  return [...lines, ...EXIT_CODES, ''].join('\n');
}

const COMMON = [
  'Every command takes:',
  '',
  '| option | |',
  '|---|---|',
  '| `--json` | results as JSON with `schema: 1`; streams as one object a line; errors as `{"schema":1,"error":{…}}` on stdout |',
  '| `--state-dir DIR` | directory of the server; also `BASCULE_STATE_DIR`. Default: `~/.local/state/bascule`, `/var/lib/bascule` for root |',
  '| `--socket PATH` | the very socket, which gives the role; default: the first of `admin.sock`, `operator.sock`, `viewer.sock` that you may open |',
  '| `--host ADDRESS` | a server elsewhere, `https://deploy.example.com:8443`; also `BASCULE_HOST`. Needs a token ([people](people.md)) |',
  '',
  'Results go to stdout, progress to stderr. Colour and the live block need a terminal; `NO_COLOR` and `CI` are respected.',
  '`BASCULE_ACTOR` says who asks (`ana via CI #881`); it is recorded as unverified. `BASCULE_DEBUG` shows the stack of a fault.',
  '`BASCULE_TOKEN`, or the file that `BASCULE_TOKEN_FILE` names (mode 0600), proves who you are: a token is never an argument, which everybody on a machine can read.',
  '`BASCULE_CA_FILE` names the PEM file of the authority of a server whose certificate the machine does not trust by itself.',
  '',
];

const OPTIONS_OF_ALL = new Set(['--json', '--state-dir', '--socket', '--host', '--help']);

function commandLines(title: Title, command: Command): readonly string[] {
  const options = command.options.filter((option) => !OPTIONS_OF_ALL.has(option.long ?? ''));
  const rows = options.map((option) => {
    const byDefault =
      option.defaultValue === undefined ? '' : ` (default: \`${String(option.defaultValue)}\`)`;
    return `| \`${option.flags}\` | ${option.description}${byDefault} |`;
  });
  const table = rows.length === 0 ? [] : ['| option | |', '|---|---|', ...rows, ''];
  const args = command.registeredArguments.map(
    (argument) => ` ${argument.required ? `<${argument.name()}>` : `[${argument.name()}]`}`,
  );
  return [
    `### ${title.name}`,
    '',
    `\`bascule ${title.name}${args.join('')}\`: ${title.describe}.`,
    '',
    ...table,
  ];
}

const EXIT_CODES = [
  '## Exit codes',
  '',
  '| code | |',
  '|--:|---|',
  '| 0 | done |',
  '| 1 | a fault in Bascule |',
  '| 2 | wrong usage, an unknown name, or an invalid file |',
  '| 4 | no server answers |',
  '| 5 | your role does not allow it |',
  '| 10 | rolled back by Bascule |',
  '| 11 | aborted or rolled back by a person |',
  '| 12 | back because undecided |',
  '| 13 | waits for a person |',
  '| 14 | the wait timed out; the rollout goes on |',
  '| 15 | refused; nothing changed |',
  '| 16 | never became ready; got no traffic |',
  '| 17 | the way back could not be proven in time |',
  '| 18 | superseded |',
  '| 20 | `plan --detailed-exitcode`: a deploy would change something |',
  '| 21 | `doctor`: something fails; warnings alone do not count |',
  '| 130 | detached; the rollout goes on |',
];
