import { Command } from 'commander';
import type { ProxyOptions } from './verbs/proxy.ts';
import type { RestoreOptions, RestoreResult } from './verbs/restore.ts';
import type { ServeOptions } from './verbs/serve.ts';
import type { Verb } from './verb.ts';

/** What only main.ts can give. */
export type Effects = {
  readonly version: string;
  readonly serve: (options: ServeOptions) => Promise<void>;
  readonly proxy: (options: ProxyOptions) => Promise<void>;
  readonly restore: (options: RestoreOptions) => Promise<RestoreResult>;
};

/**
 * Every command, in the order of the help. Loaded when it is asked for, and what only its run needs by its run: most of a
 * command's time is its start (`npm run bench:start`).
 */
const VERBS: Readonly<Record<string, (effects: Effects) => Promise<Verb>>> = {
  init: async () => (await import('./verbs/init.ts')).init,
  apply: async () => (await import('./verbs/apply.ts')).apply,
  remove: async () => (await import('./verbs/remove.ts')).remove,
  check: async () => (await import('./verbs/check.ts')).check,
  plan: async () => (await import('./verbs/plan.ts')).plan,
  deploy: async () => (await import('./verbs/deploy.ts')).deploy,
  status: async () => (await import('./verbs/status.ts')).status,
  wait: async () => (await import('./verbs/wait.ts')).wait,
  why: async () => (await import('./verbs/why.ts')).why,
  history: async () => (await import('./verbs/history.ts')).history,
  logs: async () => (await import('./verbs/logs.ts')).logs,
  promote: async () => (await import('./verbs/promote.ts')).promote,
  pause: async () => (await import('./verbs/pause.ts')).pause,
  resume: async () => (await import('./verbs/resume.ts')).resume,
  weight: async () => (await import('./verbs/weight.ts')).weight,
  abort: async () => (await import('./verbs/abort.ts')).abort,
  rollback: async () => (await import('./verbs/rollback.ts')).rollback,
  retry: async () => (await import('./verbs/retry.ts')).retry,
  lock: async () => (await import('./verbs/lock.ts')).lock,
  freeze: async () => (await import('./verbs/freeze.ts')).freeze,
  unfreeze: async () => (await import('./verbs/freeze.ts')).unfreeze,
  audit: async () => (await import('./verbs/audit.ts')).audit,
  serve: async ({ serve }) => (await import('./verbs/serve.ts')).serveVerb(serve),
  backup: async () => (await import('./verbs/backup.ts')).backup,
  restore: async ({ restore }) => (await import('./verbs/restore.ts')).restoreVerb(restore),
  config: async () => (await import('./verbs/config.ts')).config,
  schema: async () => (await import('./verbs/schema.ts')).schema,
  explain: async () => (await import('./verbs/explain.ts')).explain,
  completion: async (effects) =>
    (await import('./verbs/completion.ts')).completionVerb(() => wholeProgram(effects)),
  doctor: async ({ version }) => (await import('./verbs/doctor.ts')).doctorVerb(version),
  proxy: async ({ proxy }) => (await import('./verbs/proxy.ts')).proxyVerb(proxy),
};

export function allVerbs(effects: Effects): Promise<readonly Verb[]> {
  return Promise.all(Object.values(VERBS).map((load) => load(effects)));
}

/** The command that is named first; all of them where none is, so that help and complaints know them. */
export async function verbsFor(argv: readonly string[], effects: Effects): Promise<readonly Verb[]> {
  const [name = ''] = argv;
  return Object.hasOwn(VERBS, name) ? [await VERBS[name]!(effects)] : allVerbs(effects);
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
  verbs: readonly Verb[],
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
  for (const verb of verbs) {
    const command = program
      .command(verb.name, { hidden: verb.group === null })
      .description(verb.describe)
      .helpOption('-h, --help', 'this help');
    if (verb.group !== null) command.helpGroup(`${verb.group}:`);
    verb.configure(command);
    addCommon(command);
    command.action((...given: unknown[]) => {
      const args = given.slice(0, -2).flat() as (string | undefined)[];
      chosen({ verb, args, options: command.opts() });
    });
  }
  return program;
}

async function wholeProgram(effects: Effects): Promise<Command> {
  const silent = { out: () => undefined, err: () => undefined };
  return createProgram(await allVerbs(effects), effects.version, silent, () => undefined);
}

function addCommon(command: Command): void {
  command
    .option('--json', 'results as JSON')
    .option('--state-dir <dir>', 'the server’s directory; also BASCULE_STATE_DIR')
    .option('--socket <path>', 'the socket of the server, which gives the role')
    .option('--host <address>', 'a server elsewhere (not there yet)');
}
