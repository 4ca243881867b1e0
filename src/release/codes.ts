import { FILE_CODES } from './file-codes.ts';

/** What `bascule explain CODE` says. Codes are never reused; docs/errors.md lists the same (a test compares them). */
export type CodeEntry = {
  /** One line: what it is. */
  readonly title: string;
  /** What leads to it. */
  readonly cause: string;
  /** What to do. */
  readonly fix: string;
};

/** The one table of codes: `E…` for what is written in a file, names for what the world does. */
export const CODES = {
  // release: the file
  ...FILE_CODES,
  CONFIG_UNREADABLE: {
    title: 'the configuration file cannot be read',
    cause: 'No file of that name is there, it is not a regular file, or it may not be read by you.',
    fix: 'Run the command where bascule.yaml is, or name the file with --file.',
  },
  PACK_SOURCE_MISSING: {
    title: 'there is nothing to pack',
    cause:
      'What --from names is neither a directory nor a commit, branch or tag of this git repository, or it holds no files.',
    fix: 'Name a directory that is there, or run `git fetch` if the commit is not here yet.',
  },
  PACK_TOO_LARGE: {
    title: 'the directory is too large to pack',
    cause:
      'It holds more files or bytes than a release may have. Often dependencies, data or build output are in it.',
    fix: 'List in .basculeignore (same form as .gitignore) what the service does not need; let `build:` fetch dependencies.',
  },
  PACK_UNSAFE: {
    title: 'the directory holds what cannot be packed',
    cause: 'A symbolic link leads out of the directory, or a git submodule has no files of its own here.',
    fix: 'Replace the link by what it leads to, or list it in .basculeignore.',
  },
  PACK_CHANGED: {
    title: 'a file changed while it was packed',
    cause:
      'Something writes into the directory, so that what would be released is not what anybody has seen.',
    fix: 'Stop what writes there, or deploy a commit: --from HEAD.',
  },
  PACK_GIT_FAILED: {
    title: 'git could not be used',
    cause: 'The git command is missing, or refused to read the repository.',
    fix: 'Run the git command of the message by hand to see why.',
  },

  // journal

  // traffic

  // workload

  // controller and http
} as const satisfies Record<string, CodeEntry>;
