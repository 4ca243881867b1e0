import { Command } from 'commander';
import { abort } from './verbs/abort.ts';
import { apply } from './verbs/apply.ts';
import { backup } from './verbs/backup.ts';
import { check } from './verbs/check.ts';
import { config } from './verbs/config.ts';
import { deploy } from './verbs/deploy.ts';
import { explain } from './verbs/explain.ts';
import { history } from './verbs/history.ts';
import { logs } from './verbs/logs.ts';
import { pause } from './verbs/pause.ts';
import { plan } from './verbs/plan.ts';
import { promote } from './verbs/promote.ts';
import { proxyVerb, type ProxyOptions } from './verbs/proxy.ts';
import { remove } from './verbs/remove.ts';
import { restoreVerb, type RestoreOptions, type RestoreResult } from './verbs/restore.ts';
import { resume } from './verbs/resume.ts';
import { retry } from './verbs/retry.ts';
import { rollback } from './verbs/rollback.ts';
import { schema } from './verbs/schema.ts';
import { serveVerb, type ServeOptions } from './verbs/serve.ts';
import { status } from './verbs/status.ts';
import { wait } from './verbs/wait.ts';
import { weight } from './verbs/weight.ts';
import { why } from './verbs/why.ts';
import type { Verb } from './verb.ts';

/** What only main.ts can give. */
export type Effects = {
  readonly version: string;
  serve(options: ServeOptions): Promise<void>;
  proxy(options: ProxyOptions): Promise<void>;
  restore(options: RestoreOptions): Promise<RestoreResult>;
};

/** Every command, in the order of the help. */
export function allVerbs(effects: Effects): readonly Verb[] {
  const start = [apply, remove, check, plan, deploy];
  const follow = [status, wait, why, history, logs];
  const steer = [promote, pause, resume, weight, abort, rollback, retry];
  const serve = serveVerb((options) => effects.serve(options));
  const proxy = proxyVerb((options) => effects.proxy(options));
  const restore = restoreVerb((options) => effects.restore(options));
  return [...start, ...follow, ...steer, serve, backup, restore, config, schema, explain, proxy];
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

function addCommon(command: Command): void {
  command
    .option('--json', 'results as JSON')
    .option('--state-dir <dir>', 'the server’s directory; also BASCULE_STATE_DIR')
    .option('--socket <path>', 'the socket of the server, which gives the role')
    .option('--host <address>', 'a server elsewhere (not there yet)');
}
