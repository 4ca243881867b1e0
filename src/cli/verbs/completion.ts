import type { Command } from 'commander';
import type { RolloutView } from '../../controller/views.ts';
import { OperatingError } from '../../lib/errors.ts';
import { EXIT } from '../exit-codes.ts';
import { printJson, type Context, type Verb } from '../verb.ts';

/** How long the shell waits for what the server knows, milliseconds: longer would feel stuck. */
const WITHIN_MS = 1000;
const MOST_ROLLOUTS = 50;
/** Shells expand what they are given to complete: `$(…)` in a version must not reach them. */
const PLAIN = /^[\w.+@][\w.+@-]*$/u;

/** `commands` is the whole command line, this verb included. */
export function completionVerb(commands: () => Promise<Command>): Verb {
  return {
    configure: (command) =>
      void command.option(
        '--list <list>',
        'the services, rollouts or versions that the server knows, a line each',
      ),
    run: async (context) => {
      const { io, json, args, options } = context;
      if (typeof options['list'] === 'string') return list(context, options['list']);
      const script = await scriptFor(args[0], await commands());
      if (json) printJson(io, { shell: args[0], script });
      else io.out(script);
      return EXIT.done;
    },
  };
}

async function scriptFor(shell: string | undefined, program: Command): Promise<string> {
  // Loaded here, so that every other command starts without it.
  const { completionTable } = await import('../completion/table.ts');
  const verbs = completionTable(program);
  if (shell === 'bash') return (await import('../completion/bash.ts')).bashScript(verbs);
  if (shell === 'zsh') return (await import('../completion/zsh.ts')).zshScript(verbs);
  if (shell === 'fish') return (await import('../completion/fish.ts')).fishScript(verbs);
  throw usage(`${shell ?? 'no shell'}: completion is for bash, zsh or fish`);
}

/** Silent where no server answers in time: this is called while somebody types. */
async function list(context: Context, name: string): Promise<number> {
  const ask = { services, rollouts, versions }[name];
  if (ask === undefined) throw usage(`--list ${name}: it is services, rollouts or versions`);
  let late: NodeJS.Timeout | undefined;
  const nothing = new Promise<readonly string[]>((resolve) => {
    late = setTimeout(() => resolve([]), WITHIN_MS);
  });
  const known = await Promise.race([ask(context).catch(() => []), nothing]);
  const names = known.filter((one) => PLAIN.test(one));
  clearTimeout(late);
  if (context.json) printJson(context.io, { [name]: names });
  else context.io.out(names.map((one) => `${one}\n`).join(''));
  return EXIT.done;
}

async function services({ client }: Context): Promise<readonly string[]> {
  const answer = await client.ask('GET /services', {});
  return answer.services.map((service) => service.name);
}

async function rollouts(context: Context): Promise<readonly string[]> {
  return (await past(context)).map(({ id }) => id);
}

async function versions(context: Context): Promise<readonly string[]> {
  return [...new Set((await past(context)).map(({ label }) => label))];
}

async function past({ client }: Context): Promise<readonly RolloutView[]> {
  return (await client.ask('GET /history', { query: { limit: String(MOST_ROLLOUTS) } })).rollouts;
}

function usage(message: string): OperatingError {
  return new OperatingError('USAGE', `${message}.`, { retryable: false });
}
