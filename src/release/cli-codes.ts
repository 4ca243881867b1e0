import type { CodeEntry } from './code-entry.ts';

/** What can go wrong on the side of the command line alone. Spread into the one table in codes.ts. */
export const CLI_CODES = {
  CONFIG_EXISTS: {
    title: 'there is a configuration file already',
    cause: 'init writes a first bascule.yaml and does not write over one that somebody may have changed.',
    fix: 'See what it would write with --print; write over the file with --force.',
  },
  CONFIG_UNWRITABLE: {
    title: 'the configuration file cannot be written',
    cause: 'The directory is not yours to write, its disk is full or mounted read-only.',
    fix: 'Take `bascule init --print` and put the text where it belongs.',
  },
  APPLICATION_UNKNOWN: {
    title: 'no application was recognised',
    cause:
      'The directory holds neither a Procfile, a package.json that starts something, a Python, Ruby or Go application, a Dockerfile with a command, nor index.html.',
    fix: 'Run init in the directory of the application, or name the command that starts it with --run.',
  },
} as const satisfies Readonly<Record<string, CodeEntry>>;
