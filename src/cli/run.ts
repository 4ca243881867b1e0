import { CommanderError, type Command } from 'commander';
import { EXIT, exitCodeOf } from './exit-codes.ts';
import type { Io } from './io.ts';
import type { Where } from './locate.ts';
import { commandsFor, createProgram, type Typed } from './program.ts';
import type { Effects } from './titles.ts';
import { printJson } from './verb.ts';

/** Runs one command line (without node and script). Resolves to the exit code; never throws, never ends the process. */
export async function runCli(argv: readonly string[], io: Io, effects: Effects): Promise<number> {
  const json = argv.includes('--json');
  let typed: Typed | null = null;
  // What commander writes of its own accord is help; its complaints are worded in `refuseUsage`.
  const written = { out: (text: string) => io.out(text), err: () => undefined };
  const program = createProgram(await commandsFor(argv, effects), effects.version, written, (chosen) => {
    typed = chosen;
  });
  if (argv.length === 0) {
    io.err(program.helpInformation());
    return EXIT.usage;
  }
  try {
    program.parse(argv, { from: 'user' });
  } catch (error) {
    if (error instanceof CommanderError)
      return error.exitCode === 0 ? EXIT.done : await refuseUsage(error, program, argv, io);
    throw error;
  }
  if (typed === null) return EXIT.done;
  return runVerb(typed, json, io);
}

async function runVerb({ verb, args, options }: Typed, json: boolean, io: Io): Promise<number> {
  const { socket, stateDir, host } = options;
  const where: Where = {
    ...(typeof socket === 'string' && { socket }),
    ...(typeof stateDir === 'string' && { stateDir }),
    ...(typeof host === 'string' && { host }),
  };
  const { Client } = await import('./client.ts');
  const client = new Client(where, io);
  try {
    return await verb.run({ io, where, client, json, args, options });
  } catch (error) {
    const code = exitCodeOf(error);
    const { complain } = await import('./complaints.ts');
    complain(error, code, io, json);
    return code;
  } finally {
    client.close();
  }
}

async function refuseUsage(
  error: CommanderError,
  program: Command,
  argv: readonly string[],
  io: Io,
): Promise<number> {
  const { plainUsage } = await import('./complaints.ts');
  const message = plainUsage(error);
  if (argv.includes('--json')) {
    printJson(io, { error: { code: 'USAGE', message, retryable: false, exitCode: EXIT.usage } });
    return EXIT.usage;
  }
  const command = program.commands.find((one) => one.name() === argv[0]);
  io.err(`error[USAGE]: ${message}\n`);
  if (command !== undefined) io.err(`  usage    bascule ${command.name()} ${command.usage()}\n`);
  io.err(`  more     bascule ${command === undefined ? '' : `${command.name()} `}--help\n`);
  return EXIT.usage;
}
