import { Command } from 'commander';
import { assert } from '../lib/assert.ts';
import { TITLES, type Effects, type Title } from './titles.ts';
import type { Verb } from './verb.ts';

/** A command with what it takes and does; that is null where help alone is asked of it. */
export type Loaded = { readonly title: Title; readonly verb: Verb | null };

export function allCommands(effects: Effects): Promise<readonly Loaded[]> {
  return Promise.all(TITLES.map((title) => load(title, effects)));
}

/** The command that is named first; the titles of all where none is, for help and complaints. */
export async function commandsFor(argv: readonly string[], effects: Effects): Promise<readonly Loaded[]> {
  const name = argv.find((word) => word !== '--');
  const named = TITLES.find((title) => title.name === name);
  return named === undefined ? TITLES.map((title) => ({ title, verb: null })) : [await load(named, effects)];
}

async function load(title: Title, effects: Effects): Promise<Loaded> {
  return { title, verb: await title.load(effects) };
}

/** What was typed. `args` holds one entry per argument of the command, or all of them where it takes any number. */
export type Typed = {
  readonly verb: Verb;
  readonly args: readonly (string | undefined)[];
  readonly options: Readonly<Record<string, string | boolean | undefined>>;
};

export type Written = { out(text: string): void; err(text: string): void };

/** The commands as commander reads them. It never ends the process: it throws CommanderError. */
export function createProgram(
  commands: readonly Loaded[],
  version: string,
  written: Written,
  chosen: (typed: Typed) => void,
): Command {
  const program = new Command('bascule')
    .description('Blue-green and canary releases, judged on real traffic.')
    .version(version, '-V, --version', 'the version of bascule')
    .helpOption('-h, --help', 'this help, or that of a command')
    .helpCommand(false)
    .enablePositionalOptions()
    .showSuggestionAfterError()
    .exitOverride()
    .configureOutput({ writeOut: (text) => written.out(text), writeErr: (text) => written.err(text) });
  for (const { title, verb } of commands) {
    const { name, group, describe, args } = title;
    const command = program
      .command(name, { hidden: group === null })
      .description(describe)
      .helpOption('-h, --help', 'this help');
    if (group !== null) command.helpGroup(`${group}:`);
    for (const [arg, says] of Object.entries(args)) command.argument(arg, says);
    verb?.configure?.(command);
    addCommon(command);
    command.action((...given: unknown[]) => {
      assert(verb !== null, `"${name}" runs without having been loaded`);
      chosen({ verb, args: given.slice(0, -2).flat() as (string | undefined)[], options: command.opts() });
    });
  }
  return program;
}

/** Every command with its options. */
export async function wholeProgram(effects: Effects): Promise<Command> {
  const silent = { out: () => undefined, err: () => undefined };
  return createProgram(await allCommands(effects), effects.version, silent, () => undefined);
}

function addCommon(command: Command): void {
  command
    .option('--json', 'results as JSON')
    .option('--state-dir <dir>', 'the server’s directory; also BASCULE_STATE_DIR')
    .option('--socket <path>', 'the socket of the server, which gives the role')
    .option('--host <address>', 'a server elsewhere: https://…; also BASCULE_HOST, with BASCULE_TOKEN');
}
