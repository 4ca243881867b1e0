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
  JOURNAL_HELD: {
    title: 'The state directory is in use.',
    cause:
      'Another controller has its journal open. Its lock is freed by the kernel when that process ends, however it ends.',
    fix: 'Use the controller that is running, or stop it (its process id is in the message) and start again.',
  },
  JOURNAL_NEWER: {
    title: 'The journal was written by a newer version of Bascule.',
    cause: 'The program was replaced by an older one; formats are only ever changed forwards.',
    fix: 'Install the newer version again, or restore the state directory from before the upgrade.',
  },
  JOURNAL_CORRUPT: {
    title: 'The journal cannot be used.',
    cause: 'The file is damaged, was emptied or deleted, or belongs to another program.',
    fix: 'Restore the whole state directory from a copy, or move it away to begin anew. Traffic goes on unchanged meanwhile.',
  },
  JOURNAL_KEY: {
    title: 'The key that signs the journal is missing or is another one.',
    cause: 'keys/journal.key was lost, replaced, or the journal comes from another machine.',
    fix: 'Put back the key that belongs to the journal; without it, move both away to begin anew.',
  },
  JOURNAL_CHAIN: {
    title: 'The audit chain does not fit.',
    cause: 'An event was edited, deleted or put in by something other than Bascule.',
    fix: 'Keep a copy of the state directory and find out who changed it; nothing is pruned until then.',
  },
  JOURNAL_CONFLICT: {
    title: 'A change was decided on a state that is no longer the stored one.',
    cause: 'A bug, or a second writer.',
    fix: 'Nothing was written. Restart the controller; report it if it happens again.',
  },
  JOURNAL_FULL: {
    title: 'There is no room for the journal.',
    cause: 'The disk is full, or the journal reached the size that it may have.',
    fix: 'Free disk space; what was refused was not written and is tried again.',
  },
  JOURNAL_FAILED: {
    title: 'The journal cannot be read or written.',
    cause: 'The disk reported an error, or the file or its directory may not be written by this user.',
    fix: 'Check the disk and the permissions of the state directory, then start the controller again.',
  },
  SAMPLES_FULL: {
    title: 'There is no room for samples.',
    cause: 'The disk is full.',
    fix: 'Free disk space. Samples are kept in memory and tried again every second, the oldest dropped when there are too many.',
  },
  SAMPLES_UNREADABLE: {
    title: 'The file of samples cannot be used.',
    cause: 'samples.db is damaged, in use, of another program or of a newer version of Bascule.',
    fix: 'Stop what uses it, or move it away: only charts of the past are lost.',
  },
  SAMPLES_FAILED: {
    title: 'Samples are no longer stored.',
    cause: 'The thread that stores them ended, did not answer in time, or the disk reported an error.',
    fix: 'Look at the reason in the message, then start the controller again. Nothing else is affected.',
  },

  // traffic

  // workload

  // controller and http
} as const satisfies Record<string, CodeEntry>;
