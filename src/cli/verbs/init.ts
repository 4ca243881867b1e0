import { existsSync, statSync } from 'node:fs';
import { rename, writeFile } from 'node:fs/promises';
import { join, relative, resolve } from 'node:path';
import type { Command } from 'commander';
import { messageOf, OperatingError } from '../../lib/errors.ts';
import { printable } from '../../release/problem.ts';
import { NAME } from '../../release/forms.ts';
import { EXIT } from '../exit-codes.ts';
import type { Asked, Proposal } from '../init/proposal.ts';
import { STRATEGIES } from '../init/strategy-advice.ts';
import { printJson, type Context, type Verb } from '../verb.ts';

export const init: Verb = {
  configure: (command: Command) =>
    void command
      .option('--force', 'write over a bascule.yaml that is there')
      .option('--print', 'print the file instead of writing it')
      .option('--dry-run', 'the same as --print')
      .option('--name <service>', 'name of the service; default: that of the directory')
      .option('--run <command>', 'the command that starts it, instead of what is seen')
      .option('--listen <port>', 'the port for clients; default: 8080, or the next one that is free')
      .option('--strategy <strategy>', 'blue-green or canary, instead of what is advised')
      .option('--nginx-dir <dir>', 'where nginx keeps its configuration', '/etc/nginx')
      .option('--haproxy-file <file>', 'the configuration of HAProxy', '/etc/haproxy/haproxy.cfg'),
  run: async (context) => {
    const { io, json, args, options } = context;
    const directory = directoryOf(io.cwd, args[0]);
    const file = join(directory, 'bascule.yaml');
    const shownFile = relative(io.cwd, file);
    const prints = options['print'] === true || options['dryRun'] === true;
    const asked = askedIn(context);
    if (!prints && options['force'] !== true && existsSync(file)) throw alreadyThere(shownFile);
    // Loaded here, so that every other command starts without it.
    const { machineLook } = await import('../init/machine-look.ts');
    const { propose } = await import('../init/proposal.ts');
    const nginx = resolve(io.cwd, String(options['nginxDir']));
    const haproxy = resolve(io.cwd, String(options['haproxyFile']));
    const proposal = propose(
      machineLook({ application: directory, nginx, haproxy }, io.env['PATH'] ?? ''),
      asked,
    );
    if (proposal === null) throw nothingFound(directory);
    if (!prints) await write(file, shownFile, { text: proposal.text, over: options['force'] === true });
    if (json) printJson(io, { file, written: !prints, ...proposal });
    else await tell(context, proposal, prints ? null : shownFile);
    return EXIT.done;
  },
};

async function tell({ io }: Context, proposal: Proposal, written: string | null): Promise<void> {
  const { renderProposal } = await import('../init/render-proposal.ts');
  const lines = renderProposal(proposal).map((line) => `${printable(line)}\n`);
  if (written === null) {
    io.err(lines.join(''));
    io.out(proposal.text);
    return;
  }
  io.out(`${lines.join('')}wrote ${written}. Next: bascule check, then bascule deploy --version v1\n`);
}

function askedIn({ options }: Context): Asked {
  const text = (key: string): string | null => (typeof options[key] === 'string' ? options[key] : null);
  const name = text('name');
  if (name !== null && !NAME.test(name))
    throw usage(`--name ${name}: a service has lowercase letters, digits and dashes, at most 40`);
  const strategy = text('strategy');
  if (strategy !== null && !STRATEGIES.some((one) => one === strategy))
    throw usage(`--strategy ${strategy}: it is ${STRATEGIES.join(' or ')}`);
  const listen = text('listen');
  const port = Number(listen);
  if (listen !== null && (!/^\d+$/u.test(listen) || port < 1 || port > 65_535))
    throw usage(`--listen ${listen}: a port is a number from 1 to 65535`);
  const run = text('run');
  if (run !== null && !/^\P{Cc}*\S\P{Cc}*$/u.test(run))
    throw usage('--run: a command is one line of text, and not empty');
  return { name, run, listen: listen === null ? null : port, strategy };
}

function usage(message: string): OperatingError {
  return new OperatingError('USAGE', `${message}. Nothing was written.`, { retryable: false });
}

function directoryOf(cwd: string, named: string | undefined): string {
  const directory = resolve(cwd, named ?? '.');
  if (statSync(directory, { throwIfNoEntry: false })?.isDirectory() === true) return directory;
  throw usage(`${named ?? directory} is no directory`);
}

function alreadyThere(file: string): OperatingError {
  return new OperatingError(
    'CONFIG_EXISTS',
    `${file} is there already; nothing was written. See what init would say with --print, or write over it with --force.`,
    { retryable: false },
  );
}

function nothingFound(directory: string): OperatingError {
  return new OperatingError(
    'APPLICATION_UNKNOWN',
    `${directory} holds nothing that init knows how to start (a Procfile, package.json, a Python, Ruby or Go application, a Dockerfile with a command, index.html); nothing was written. Say how: bascule init --run "COMMAND", with $PORT in it.`,
    { retryable: false },
  );
}

type Writing = { readonly text: string; readonly over: boolean };

/** Whole or not at all: an old file stays until the new one is there. */
async function write(file: string, shown: string, { text, over }: Writing): Promise<void> {
  const draft = `${file}.${process.pid}.new`;
  try {
    await writeFile(over ? draft : file, text, { flag: 'wx' });
    if (over) await rename(draft, file);
  } catch (cause) {
    if (!over && (cause as NodeJS.ErrnoException).code === 'EEXIST') throw alreadyThere(shown);
    throw new OperatingError(
      'CONFIG_UNWRITABLE',
      `${shown} cannot be written (${messageOf(cause)}); what was there is as it was. Take --print and put it where it belongs.`,
      { retryable: false, cause },
    );
  }
}
