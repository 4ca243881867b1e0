import type { Command, Option } from 'commander';
import { CODES } from '../../release/codes.ts';
import { STRATEGIES } from '../init/strategy-advice.ts';

/** What can stand at a place of the command line. */
export type Values =
  | { readonly kind: 'words'; readonly words: readonly string[] }
  | { readonly kind: 'files' }
  | { readonly kind: 'directories' }
  /** Asked of the server, when it runs. */
  | { readonly kind: 'names'; readonly list: List }
  /** Nothing can be offered. */
  | { readonly kind: 'free' };

export const LISTS = ['services', 'rollouts', 'versions'] as const;
export type List = (typeof LISTS)[number];
export const SHELLS = ['bash', 'zsh', 'fish'] as const;

export type CompletedOption = {
  /** `--file`. */
  readonly long: string;
  /** `-f`, or null. */
  readonly short: string | null;
  readonly describe: string;
  /** Null for an option without a value. */
  readonly values: Values | null;
};

export type CompletedVerb = {
  readonly name: string;
  readonly describe: string;
  readonly options: readonly CompletedOption[];
  /** What the arguments are, in their order. */
  readonly args: readonly Values[];
};

/** By what stands in `<…>` of an option or argument. */
const BY_NAME: Readonly<Record<string, Values>> = {
  file: { kind: 'files' },
  path: { kind: 'files' },
  dir: { kind: 'directories' },
  directory: { kind: 'directories' },
  'dir-or-ref': { kind: 'directories' },
  slot: { kind: 'words', words: ['blue', 'green'] },
  strategy: { kind: 'words', words: STRATEGIES },
  service: { kind: 'names', list: 'services' },
  rollout: { kind: 'names', list: 'rollouts' },
  version: { kind: 'names', list: 'versions' },
  percent: { kind: 'words', words: ['5', '10', '25', '50', '100'] },
  code: { kind: 'words', words: Object.keys(CODES) },
  shell: { kind: 'words', words: SHELLS },
  list: { kind: 'words', words: LISTS },
};

/** Where the name alone does not say it. */
const BY_PLACE: Readonly<Record<string, Values>> = {
  'wait --for': { kind: 'words', words: ['done', 'paused', 'step='] },
  'deploy --until': { kind: 'words', words: ['paused'] },
  'deploy --version': { kind: 'free' },
  'plan --version': { kind: 'free' },
  'init --name': { kind: 'free' },
  'abort --rollout': { kind: 'names', list: 'rollouts' },
  'judge --set': { kind: 'free' },
};

/** What can be completed, out of the same commands as `--help`. */
export function completionTable(program: Command): readonly CompletedVerb[] {
  const help = program.createHelp();
  return help.visibleCommands(program).map((command) => ({
    name: command.name(),
    describe: command.description(),
    options: help.visibleOptions(command).map((option) => completed(command.name(), option)),
    args: command.registeredArguments.map((argument) => valuesOf(argument.name())),
  }));
}

function completed(verb: string, { long, short, flags, description }: Option): CompletedOption {
  const name = /[<[]([^>\]]+)[>\]]/u.exec(flags)?.[1];
  const place = `${verb} ${long}`;
  const values = name === undefined ? null : (BY_PLACE[place] ?? valuesOf(name));
  return { long: long!, short: short ?? null, describe: description, values };
}

function valuesOf(name: string): Values {
  return BY_NAME[name] ?? { kind: 'free' };
}
